import { GEN_AI } from '../../otlp/semconv/gen-ai.ts';
import { text } from '../attribute.ts';
import { overlay } from '../overlay.ts';
import type { Dialect } from '../recognised.ts';
import { fromGenAi } from './otel-genai.ts';

const OPERATION_OF: ReadonlyMap<string, string> = new Map([
  ['agent_run', 'invoke_agent'],
  ['workflow_run', 'invoke_workflow'],
  ['tool_call', 'execute_tool'],
  ['mcp_tool_call', 'execute_tool'],
  ['model_generation', 'chat'],
  ['llm_generation', 'chat'],
]);

/** Mastra's exporter. Span types it adds (steps, chunks, processors) group what runs under them. */
export const mastra: Dialect = {
  name: 'mastra',
  recognise(record) {
    if (record.signal !== 'traces') return undefined;
    const { attributes } = record;
    const spanType = text(attributes, 'mastra.span.type').toLowerCase();
    if (spanType === '') return undefined;
    const named = text(attributes, GEN_AI.operationName);
    const operation = OPERATION_OF.get(spanType) ?? (named === spanType || named === '' ? 'agent_step' : named);
    const found = fromGenAi('mastra', record, operation);
    const [input, output] = found.kind === 'tool_call' ? ['arguments', 'result'] : ['input', 'output'];
    return overlay(found, record, {
      content: { [input]: [`mastra.${spanType}.input`], [output]: [`mastra.${spanType}.output`] },
      mcpServer: spanType === 'mcp_tool_call' ? ['mcp.server.name', 'mastra.mcp_server', 'server.address'] : [],
    });
  },
};
