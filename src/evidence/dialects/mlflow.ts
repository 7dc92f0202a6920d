import type { EvidenceKind, EvidenceTokens } from '../../record/evidence.ts';
import { count, figuresIn, first, parsedJson, plain, text } from '../attribute.ts';
import type { Dialect } from '../recognised.ts';
import type { Attributes } from '../telemetry-record.ts';
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
    const found = typedSpan(record, {
      dialect: 'mlflow',
      kind: KIND_OF.get(spanType) ?? null,
      operation: spanType,
      name: record.name,
      input: first(attributes, 'mlflow.spanInputs'),
      output: first(attributes, 'mlflow.spanOutputs'),
      sessionId: text(attributes, 'mlflow.trace.session').replaceAll('"', ''),
    });
    if (found.kind !== 'model_call') return found;
    const named = (key: string): string => text(attributes, key).replaceAll('"', '');
    const model = named('mlflow.llm.model');
    return {
      ...found,
      model: found.model ?? (model === '' ? null : { name: model, provider: named('mlflow.llm.provider') || null }),
      tokens: found.tokens ?? usageOf(attributes),
    };
  },
};

/** `mlflow.chat.tokenUsage`, JSON text or a map. */
function usageOf(attributes: Attributes): EvidenceTokens | null {
  const sent = first(attributes, 'mlflow.chat.tokenUsage');
  const usage = figuresIn(typeof sent === 'string' ? parsedJson(sent) : sent === undefined ? undefined : plain(sent));
  const input = count(usage, 'input_tokens');
  const output = count(usage, 'output_tokens');
  return input === null && output === null ? null : { input, output };
}
