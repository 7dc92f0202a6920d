// `ai` 6, which makes spans itself when `experimental_telemetry` is on, with its own mock model.
import { flush } from './telemetry.mjs';
import { generateText, stepCountIs, tool } from 'ai6';
import { MockLanguageModelV3 } from 'ai6/test';
import { z } from 'zod';
import { ANSWER, ARGUMENTS, kubectlGet, QUESTION } from './work.mjs';

let turn = 0;
const model = new MockLanguageModelV3({
  provider: 'openai',
  modelId: 'gpt-5',
  doGenerate: async () => {
    turn += 1;
    const usage = { inputTokens: { total: 42 }, outputTokens: { total: 7 } };
    return turn === 1
      ? {
          content: [
            { type: 'tool-call', toolCallId: 'call_ai6', toolName: 'kubectl_get', input: JSON.stringify(ARGUMENTS) },
          ],
          finishReason: { unified: 'tool-calls', raw: 'tool_calls' },
          usage,
          warnings: [],
        }
      : {
          content: [{ type: 'text', text: ANSWER }],
          finishReason: { unified: 'stop', raw: 'stop' },
          usage,
          warnings: [],
        };
  },
});

const { text } = await generateText({
  model,
  prompt: QUESTION,
  stopWhen: stepCountIs(3),
  experimental_telemetry: { isEnabled: true, functionId: 'sre-agent' },
  tools: {
    kubectl_get: tool({
      description: 'Reads objects of the cluster',
      inputSchema: z.object({ resource: z.string(), namespace: z.string(), authorization: z.string() }),
      execute: async (input) => kubectlGet(input),
    }),
  },
});
if (text !== ANSWER) throw new Error(`the agent answered ${text}`);
await flush();
