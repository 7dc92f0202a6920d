import { GEN_AI } from '../../otlp/semconv/gen-ai.ts';
import { textOf } from '../../otlp/semconv/loose-json.ts';
import { first, parsedJson, text } from '../attribute.ts';
import { modelOf, outcomeOf } from '../gen-ai-fields.ts';
import { overlay } from '../overlay.ts';
import { contents, recognised, type Dialect, type Recognised } from '../recognised.ts';
import type { SpanRecord } from '../telemetry-record.ts';
import { fromGenAi } from './otel-genai.ts';

/**
 * Logfire: its model integrations (`request_data`, `response_data`), its MCP spans (`request`, `response`, `rpc.method`) and
 * its markers of spans that have only begun, which are dropped because the span itself follows.
 */
export const logfire: Dialect = {
  name: 'logfire',
  recognise(record) {
    if (record.signal !== 'traces') return undefined;
    const { attributes, scope } = record;
    const spanType = text(attributes, 'logfire.span_type');
    if (spanType === 'pending_span') return recognised('logfire', { operation: 'pending_span' });
    const mcp = fromMcpSpan(record);
    if (mcp !== undefined) return mcp;
    if (!scope.name.startsWith('logfire.')) return undefined;
    const operation = text(attributes, GEN_AI.operationName);
    if (operation === '' && modelOf(attributes) === null) return undefined;
    const found = overlay(fromGenAi('logfire', record, operation || 'chat'), record, {
      content: { input: ['request_data'], output: ['response_data'] },
    });
    // A stream's closing log tells of the request span's model call again.
    return spanType === 'log' && found.kind === 'model_call' ? { ...found, kind: null } : found;
  },
};

/** `MCP request: tools/call joker` on the client, `MCP server handle request: tools/call` on the server. */
function fromMcpSpan(record: SpanRecord): Recognised | undefined {
  const match = /^MCP (request|server handle request): (\S+)(?: (.+))?$/.exec(record.name);
  if (match === null) return undefined;
  const { attributes } = record;
  const [, side, method = '', named = ''] = match;
  if (method !== 'tools/call') return recognised('logfire', { operation: method, outcome: outcomeOf(record) });
  const request = first(attributes, 'request');
  const asked = paramsOf(parsedJson(request));
  const isServer = side !== 'request';
  return recognised('logfire', {
    kind: 'tool_call',
    operation: method,
    tool: {
      name: named || asked.name,
      callId: '',
      type: null,
      mcpServer: isServer ? text(record.resource.attributes, 'service.name') || null : null,
      role: isServer ? 'mcp_server' : 'mcp_client',
    },
    outcome: outcomeOf(record),
    content: contents({ arguments: asked.arguments ?? request, result: first(attributes, 'response') }),
  });
}

function paramsOf(request: unknown): { readonly name: string; readonly arguments: string | undefined } {
  const nothing = { name: '', arguments: undefined };
  if (typeof request !== 'object' || request === null || !('params' in request)) return nothing;
  const { params } = request;
  if (typeof params !== 'object' || params === null) return nothing;
  return {
    name: 'name' in params && typeof params.name === 'string' ? params.name : '',
    arguments: 'arguments' in params ? textOf(params.arguments) : undefined,
  };
}
