import type { EvidenceKind } from '../../record/evidence.ts';
import { first, text } from '../attribute.ts';
import type { Dialect } from '../recognised.ts';
import { typedSpan } from '../typed-span.ts';

const KIND_OF: ReadonlyMap<string, EvidenceKind> = new Map([
  ['model', 'model_call'],
  ['embedder', 'model_call'],
  ['tool', 'tool_call'],
  ['tool.v2', 'tool_call'],
  ['agent', 'agent_run'],
  ['flow', 'agent_run'],
  ['retriever', 'retrieval'],
  ['reranker', 'retrieval'],
  ['evaluator', 'evaluation'],
] as const);

/** Firebase Genkit. Failures show in `genkit:state`, whatever the span's status. */
export const genkit: Dialect = {
  name: 'genkit',
  recognise(record) {
    if (record.signal !== 'traces') return undefined;
    const { attributes } = record;
    const subtype = text(attributes, 'genkit:metadata:subtype', 'genkit:type').toLowerCase();
    if (subtype === '') return undefined;
    const found = typedSpan(record, {
      dialect: 'genkit',
      kind: KIND_OF.get(subtype) ?? null,
      operation: subtype,
      name: text(attributes, 'genkit:name') || record.name,
      input: first(attributes, 'genkit:input'),
      output: first(attributes, 'genkit:output'),
      sessionId: text(attributes, 'genkit:sessionId'),
    });
    const model = found.kind === 'model_call' ? text(attributes, 'genkit:name') : '';
    return {
      ...found,
      model: found.model ?? (model === '' ? null : { name: model, provider: null }),
      outcome: text(attributes, 'genkit:state') === 'error' ? 'error' : found.outcome,
    };
  },
};
