// An MCP server over standard input and output. It continues the trace that the request's `_meta` carries, and makes the span
// that the MCP conventions ask of a server.
import { flush, tracerProvider } from './telemetry.mjs';
import { context, propagation, SpanKind, trace } from '@opentelemetry/api';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { z } from 'zod';
import { kubectlGet } from './work.mjs';

const tracer = tracerProvider.getTracer('kubernetes-mcp');
const server = new McpServer({ name: 'kubernetes-mcp', version: '1.0.0' });

server.registerTool(
  'kubectl_get',
  {
    description: 'Reads objects of the cluster',
    inputSchema: { resource: z.string(), namespace: z.string(), authorization: z.string() },
    annotations: { readOnlyHint: true },
  },
  (input, { _meta }) => {
    if (_meta?.traceparent === undefined) throw new Error('the request carries no trace context');
    const parent = propagation.extract(context.active(), _meta);
    const span = tracer.startSpan('tools/call kubectl_get', { kind: SpanKind.SERVER }, parent);
    return context.with(trace.setSpan(parent, span), () => {
      const text = kubectlGet(input);
      span.setAttributes({
        'mcp.method.name': 'tools/call',
        'gen_ai.operation.name': 'execute_tool',
        'gen_ai.tool.name': 'kubectl_get',
        'gen_ai.tool.call.result': text,
      });
      span.end();
      return { content: [{ type: 'text', text }] };
    });
  },
);

// The agent ends the server by closing its standard input.
process.stdin.on('end', () => void flush().then(() => process.exit(0)));
await server.connect(new StdioServerTransport());
