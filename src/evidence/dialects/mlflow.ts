import type { EvidenceKind } from '../../record/evidence.ts';
import { first, text } from '../attribute.ts';
import type { Dialect } from '../recognised.ts';
import { typedSpan } from '../typed-span.ts';

const KIND_OF: ReadonlyMap<string, EvidenceKind> = new Map([
  ['llm', 'model_call'],
  ['chat_model', 'model_call'],
  ['embedding', 'model_call'],
  ['tool', 'tool_call'],
  ['agent', 'agent_run'],
  ['retriever', 'retrieval'],
  ['reranker', 'retrieval'],
  ['guardrail', 'guardrail'],
  ['evaluator', 'evaluation'],
] as const);

/** MLflow tracing. Its attribute values are JSON: the type arrives as `"TOOL"`, quotes included. */
export const mlflow: Dialect = {
  name: 'mlflow',
  recognise(record) {
    if (record.signal !== 'traces') return undefined;
    const { attributes } = record;
    const spanType = text(attributes, 'mlflow.spanType').replaceAll('"', '').toLowerCase();
    if (spanType === '') return undefined;
    return typedSpan(record, {
      dialect: 'mlflow',
      kind: KIND_OF.get(spanType) ?? null,
      operation: spanType,
      name: record.name,
      input: first(attributes, 'mlflow.spanInputs'),
      output: first(attributes, 'mlflow.spanOutputs'),
      sessionId: text(attributes, 'mlflow.trace.session').replaceAll('"', ''),
    });
  },
};
