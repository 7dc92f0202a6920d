/** An agent written by hand on the `openai` SDK: asks the model, runs the tool it asks for, asks again. */
import { SpanKind, trace } from '@opentelemetry/api';
import { ANSWER, kubectlGet, QUESTION } from './work.mjs';

const tools = [
  {
    type: 'function',
    function: {
      name: 'kubectl_get',
      description: 'Reads objects of the cluster',
      parameters: { type: 'object', properties: { resource: { type: 'string' }, namespace: { type: 'string' } } },
    },
  },
];

/**
 * @param OpenAI the SDK's client class, after whatever instruments it has done so
 * @param reportRun whether the agent makes a span of its own for running the tool, as the GenAI conventions ask
 */
export async function runOpenAiAgent(OpenAI, reportRun) {
  // The model's address comes from OPENAI_BASE_URL.
  const client = new OpenAI({ apiKey: 'local-model', maxRetries: 0 });
  const tracer = trace.getTracer('sre-agent');
  await tracer.startActiveSpan('invoke_agent sre-agent', { kind: SpanKind.INTERNAL }, async (span) => {
    span.setAttributes({ 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': 'sre-agent' });
    const messages = [{ role: 'user', content: QUESTION }];
    for (let turn = 0; turn < 3; turn += 1) {
      const { choices } = await client.chat.completions.create({ model: 'gpt-5', messages, tools });
      const { message } = choices[0];
      messages.push(message);
      if (!message.tool_calls?.length) break;
      for (const call of message.tool_calls) {
        const run = () => kubectlGet(JSON.parse(call.function.arguments));
        const content = reportRun ? reported(tracer, call, run) : run();
        messages.push({ role: 'tool', tool_call_id: call.id, content });
      }
    }
    if (messages.at(-1).content !== ANSWER) throw new Error('the agent has no answer');
    span.end();
  });
}

function reported(tracer, call, run) {
  return tracer.startActiveSpan(`execute_tool ${call.function.name}`, (span) => {
    const result = run();
    span.setAttributes({
      'gen_ai.operation.name': 'execute_tool',
      'gen_ai.tool.name': call.function.name,
      'gen_ai.tool.call.id': call.id,
      'gen_ai.tool.call.arguments': call.function.arguments,
      'gen_ai.tool.call.result': result,
    });
    span.end();
    return result;
  });
}
