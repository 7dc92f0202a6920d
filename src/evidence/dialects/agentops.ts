import type { EvidenceKind } from '../../record/evidence.ts';
import { first, text } from '../attribute.ts';
import { normalisedCallId } from '../../otlp/semconv/call-id.ts';
import type { Dialect } from '../recognised.ts';
import { typedSpan } from '../typed-span.ts';

const KIND_OF: ReadonlyMap<string, EvidenceKind> = new Map([
  ['llm', 'model_call'],
  ['tool', 'tool_call'],
  ['agent', 'agent_run'],
  ['guardrail', 'guardrail'],
] as const);

/** AgentOps (`agentops.span.kind`). Sessions, workflows, tasks and operations group what runs under them. */
export const agentOps: Dialect = {
  name: 'agentops',
  recognise(record) {
    if (record.signal !== 'traces') return undefined;
    const { attributes } = record;
    const spanKind = text(attributes, 'agentops.span.kind').toLowerCase();
    if (spanKind === '') return undefined;
    return typedSpan(record, {
      dialect: 'agentops',
      kind: KIND_OF.get(spanKind) ?? null,
      operation: spanKind,
      name: text(attributes, 'tool.name', 'agent.name') || record.name.replace(/\.(?:tool|agent)$/, ''),
      callId: normalisedCallId(first(attributes, 'tool.id', 'tool.call.id')),
      input: first(attributes, 'tool.parameters', 'agentops.entity.input'),
      output: first(attributes, 'tool.result', 'agentops.entity.output'),
    });
  },
};
