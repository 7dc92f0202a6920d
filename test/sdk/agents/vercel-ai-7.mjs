// `ai` 7 with its own OpenTelemetry integration and its own mock model.
import { flush } from './telemetry.mjs';
import { OpenTelemetry } from '@ai-sdk/otel';
import { generateText, isStepCount, registerTelemetry, tool } from 'ai';
import { MockLanguageModelV4 } from 'ai/test';
import { z } from 'zod';
import { ANSWER, ARGUMENTS, kubectlGet, QUESTION } from './work.mjs';

registerTelemetry(new OpenTelemetry());

let turn = 0;
const model = new MockLanguageModelV4({
  provider: 'openai',
  modelId: 'gpt-5',
  doGenerate: async () => {
    turn += 1;
    const usage = { inputTokens: { total: 42 }, outputTokens: { total: 7 } };
    return turn === 1
      ? {
          content: [
            { type: 'tool-call', toolCallId: 'call_ai7', toolName: 'kubectl_get', input: JSON.stringify(ARGUMENTS) },
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
  stopWhen: isStepCount(3),
  telemetry: { functionId: 'sre-agent' },
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
