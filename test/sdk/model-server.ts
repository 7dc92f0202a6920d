import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A model on this machine that speaks OpenAI's Chat Completions API: asks for one tool, then answers. */
export interface ModelServer {
  /** What agents take as `OPENAI_BASE_URL`. */
  readonly baseUrl: string;
  close(): Promise<void>;
}

export interface ModelScript {
  readonly arguments: Readonly<Record<string, string>>;
  readonly answer: string;
}

interface ChatRequest {
  readonly messages: readonly { readonly role: string }[];
}

export async function startModelServer(script: ModelScript): Promise<ModelServer> {
  let calls = 0;
  const server = createServer((request, response) => {
    void answer(request).then(
      (body) => response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body)),
      () => response.writeHead(400).end(),
    );
  });

  async function answer(request: IncomingMessage): Promise<object> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { messages } = JSON.parse(Buffer.concat(chunks).toString()) as ChatRequest;
    const afterTool = messages.at(-1)?.role === 'tool';
    if (!afterTool) calls += 1;
    const message = afterTool
      ? { role: 'assistant', content: script.answer, refusal: null }
      : {
          role: 'assistant',
          content: null,
          refusal: null,
          tool_calls: [
            {
              id: `call_model_${calls}`,
              type: 'function',
              function: { name: 'kubectl_get', arguments: JSON.stringify(script.arguments) },
            },
          ],
        };
    return {
      id: `chatcmpl-${calls}-${afterTool ? 2 : 1}`,
      object: 'chat.completion',
      created: 1_764_000_000,
      model: 'gpt-5-2025-08-07',
      choices: [{ index: 0, message, logprobs: null, finish_reason: afterTool ? 'stop' : 'tool_calls' }],
      usage: { prompt_tokens: 42, completion_tokens: 7, total_tokens: 49 },
    };
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}
