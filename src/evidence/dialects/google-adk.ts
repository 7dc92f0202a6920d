import { GEN_AI } from '../../otlp/semconv/gen-ai.ts';
import { text } from '../attribute.ts';
import { overlay } from '../overlay.ts';
import type { Dialect } from '../recognised.ts';
import { fromGenAi } from './otel-genai.ts';

/** Span names of versions that set no operation name. */
const OPERATION_BY_NAME: readonly (readonly [RegExp, string])[] = [
  [/^execute_tool\b/, 'execute_tool'],
  [/^call_llm\b/, 'generate_content'],
  [/^(?:invoke_agent|agent_run)\b/, 'invoke_agent'],
  [/^invocation\b/, 'agent_step'],
];

/** Google's Agent Development Kit. */
export const googleAdk: Dialect = {
  name: 'google-adk',
  recognise(record) {
    if (record.signal !== 'traces' || record.scope.name !== 'gcp.vertex.agent') return undefined;
    const { attributes } = record;
    const byName = OPERATION_BY_NAME.find(([pattern]) => pattern.test(record.name))?.[1] ?? '';
    const operation = text(attributes, GEN_AI.operationName).replace(/^call_llm$/, 'generate_content') || byName;
    if (operation === '') return undefined;
    const found = overlay(fromGenAi('google-adk', record, operation), record, {
      conversationId: ['gcp.vertex.agent.session_id'],
      content: {
        arguments: ['gcp.vertex.agent.tool_call_args'],
        result: ['gcp.vertex.agent.tool_response'],
        input: ['gcp.vertex.agent.llm_request'],
        output: ['gcp.vertex.agent.llm_response'],
      },
    });
    // Parallel calls are reported once more together.
    return found.tool?.name === '(merged tools)' ? { ...found, kind: null } : found;
  },
};
