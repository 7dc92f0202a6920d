import type { EvidenceKind } from '../record/evidence.ts';
import { modelOf, outcomeOf, requestedCalls, tokensOf } from './gen-ai-fields.ts';
import { contents, recognised, type Recognised } from './recognised.ts';
import type { AnyValue, SpanRecord } from './telemetry-record.ts';

/** What such a span says, by the dialect's own names; `''` and undefined for what it does not. */
export interface TypedSpan {
  readonly dialect: string;
  readonly kind: EvidenceKind | null;
  readonly operation: string;
  readonly name: string;
  readonly input: AnyValue | undefined;
  readonly output: AnyValue | undefined;
  readonly callId?: string;
  readonly conversationId?: string;
  readonly sessionId?: string;
}

/** A span of a dialect that has one type attribute and one pair of input and output for every type. */
export function typedSpan(record: SpanRecord, span: TypedSpan): Recognised {
  const { kind, name, input, output } = span;
  const isModel = kind === 'model_call';
  return recognised(span.dialect, {
    kind,
    operation: span.operation,
    tool:
      kind === 'tool_call' ? { name, callId: span.callId ?? '', type: null, mcpServer: null, role: 'execute' } : null,
    model: isModel ? modelOf(record.attributes) : null,
    tokens: isModel ? tokensOf(record.attributes) : null,
    agentName: kind === 'agent_run' ? name : '',
    conversationId: span.conversationId ?? '',
    sessionId: span.sessionId ?? '',
    outcome: outcomeOf(record),
    detail: kind === 'guardrail' || kind === 'evaluation' ? name : '',
    content: contentFor(kind, input, output),
    requestedCalls: isModel ? requestedCalls(output) : [],
  });
}

/** Input and output under the names that rows of the kind have; none of what is no row. */
export function contentFor(
  kind: EvidenceKind | null,
  input: AnyValue | undefined,
  output: AnyValue | undefined,
): ReadonlyMap<string, AnyValue> {
  if (kind === 'tool_call') return contents({ arguments: input, result: output });
  if (kind === 'retrieval') return contents({ query: input, documents: output });
  return kind === null ? new Map() : contents({ input, output });
}
