import type { EvidenceKind } from '../../record/evidence.ts';
import { first, text } from '../attribute.ts';
import { modelInput, modelOutput } from '../gen-ai-fields.ts';
import type { Dialect } from '../recognised.ts';
import { typedSpan } from '../typed-span.ts';

const KIND_OF: ReadonlyMap<string, EvidenceKind> = new Map([
  ['llm', 'model_call'],
  ['tool', 'tool_call'],
  ['evaluator', 'evaluation'],
  ['human_evaluator', 'evaluation'],
] as const);

/** Laminar (`lmnr.span.type`). */
export const laminar: Dialect = {
  name: 'laminar',
  recognise(record) {
    if (record.signal !== 'traces') return undefined;
    const { attributes } = record;
    const spanType = text(attributes, 'lmnr.span.type').toLowerCase();
    if (spanType === '') return undefined;
    return typedSpan(record, {
      dialect: 'laminar',
      kind: KIND_OF.get(spanType) ?? null,
      operation: spanType,
      name: record.name,
      input: first(attributes, 'lmnr.span.input') ?? modelInput(record),
      output: first(attributes, 'lmnr.span.output') ?? modelOutput(record),
      sessionId: text(attributes, 'lmnr.association.properties.session_id', 'session.id'),
    });
  },
};
