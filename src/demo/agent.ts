import { context, SpanKind, SpanStatusCode, trace, type Tracer } from '@opentelemetry/api';

/** What a tool answered: status and body of a real HTTP response. */
export interface ToolResult {
  readonly status: number;
  readonly body: unknown;
}

export interface Tool {
  readonly name: string;
  readonly description: string;
  call(parameters: Readonly<Record<string, unknown>>): Promise<ToolResult>;
}

/**
 * An agent as its telemetry shows it: one `invoke_agent` span, a `chat` span for each step it thinks about, an
 * `execute_tool` span for each tool it calls (OpenTelemetry GenAI conventions, content on attributes). What it thinks is
 * decided by plain rules on what its tools answered, not by a language model: the demo has no network.
 */
export interface Agent {
  /** Says what it is about to do and why. */
  think(prompt: string, answer: string): void;
  use(tool: Tool, parameters: Readonly<Record<string, unknown>>): Promise<ToolResult>;
}

export interface AgentOptions {
  readonly tracer: Tracer;
  readonly name: string;
  readonly conversationId: string;
  /** The incident it works on; goes onto every span as `incident.id`. */
  readonly incident: string;
}

const MODEL = 'demo-rules-1';

export async function runAgent<T>(options: AgentOptions, work: (agent: Agent) => Promise<T>): Promise<T> {
  const { tracer, name } = options;
  const identity = {
    'gen_ai.agent.name': name,
    'gen_ai.conversation.id': options.conversationId,
    'incident.id': options.incident,
  };
  let calls = 0;
  return tracer.startActiveSpan(
    `invoke_agent ${name}`,
    {
      kind: SpanKind.INTERNAL,
      attributes: { ...identity, 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.provider.name': 'docket.demo' },
    },
    async (root) => {
      const agent: Agent = {
        think(prompt, answer) {
          tracer
            .startSpan(`chat ${MODEL}`, {
              kind: SpanKind.INTERNAL,
              attributes: {
                ...identity,
                'gen_ai.operation.name': 'chat',
                'gen_ai.provider.name': 'docket.demo',
                'gen_ai.request.model': MODEL,
                'gen_ai.response.model': MODEL,
                'gen_ai.usage.input_tokens': Math.ceil(prompt.length / 4),
                'gen_ai.usage.output_tokens': Math.ceil(answer.length / 4),
                'gen_ai.input.messages': JSON.stringify([{ role: 'user', parts: [{ type: 'text', content: prompt }] }]),
                'gen_ai.output.messages': JSON.stringify([
                  { role: 'assistant', parts: [{ type: 'text', content: answer }], finish_reason: 'stop' },
                ]),
              },
            })
            .end();
        },
        use(tool, parameters) {
          calls += 1;
          return tracer.startActiveSpan(
            `execute_tool ${tool.name}`,
            {
              kind: SpanKind.INTERNAL,
              attributes: {
                ...identity,
                'gen_ai.operation.name': 'execute_tool',
                'gen_ai.tool.name': tool.name,
                'gen_ai.tool.type': 'function',
                'gen_ai.tool.description': tool.description,
                'gen_ai.tool.call.id': `call_${options.conversationId.slice(0, 8)}_${calls}`,
                'gen_ai.tool.call.arguments': JSON.stringify(parameters),
              },
            },
            async (span) => {
              try {
                const result = await tool.call(parameters);
                span.setAttribute('gen_ai.tool.call.result', JSON.stringify(result));
                if (result.status >= 400) {
                  span.setStatus({ code: SpanStatusCode.ERROR });
                  span.setAttribute('error.type', String(result.status));
                }
                return result;
              } catch (error) {
                span.setStatus({ code: SpanStatusCode.ERROR });
                span.setAttribute('error.type', error instanceof Error ? error.name : 'Error');
                throw error;
              } finally {
                span.end();
              }
            },
          );
        },
      };
      try {
        return await context.with(trace.setSpan(context.active(), root), () => work(agent));
      } finally {
        root.end();
      }
    },
  );
}
