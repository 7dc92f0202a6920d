import { first, flag, text } from '../attribute.ts';
import { modelOf, outcomeOf, requestedCalls, tokensOf } from '../gen-ai-fields.ts';
import { contents, recognised, type Dialect } from '../recognised.ts';

/** The OpenAI Agents SDK as Logfire records it: span kinds show in the message template. */
export const openAiAgents: Dialect = {
  name: 'openai-agents',
  recognise(record) {
    if (record.signal !== 'traces' || record.scope.name !== 'logfire.openai_agents') return undefined;
    const { attributes } = record;
    const template = text(attributes, 'logfire.msg_template') || record.name;
    const name = text(attributes, 'name');
    const input = first(attributes, 'input', 'raw_input');
    const output = first(attributes, 'output');
    const shared = {
      outcome: first(attributes, 'error') === undefined ? outcomeOf(record) : ('error' as const),
      conversationId: text(attributes, 'gen_ai.conversation.id', 'group_id').replace(/^null$/, ''),
    };
    if (template.startsWith('Function: ')) {
      return recognised('openai-agents', {
        ...shared,
        kind: 'tool_call',
        operation: 'function',
        tool: { name, callId: '', type: 'function', mcpServer: null, role: 'execute' },
        content: contents({ arguments: input, result: output }),
      });
    }
    if (template.startsWith('Handoff: ')) {
      return recognised('openai-agents', {
        ...shared,
        kind: 'handoff',
        operation: 'handoff',
        agentName: text(attributes, 'from_agent'),
        detail: `to ${text(attributes, 'to_agent')}`,
      });
    }
    if (template.startsWith('Guardrail ')) {
      const triggered = flag(attributes, 'triggered');
      return recognised('openai-agents', {
        ...shared,
        kind: 'guardrail',
        operation: 'guardrail',
        detail: `${name} ${triggered === true ? 'triggered' : 'passed'}`,
        outcome: triggered === true ? 'denied' : shared.outcome,
      });
    }
    if (template.startsWith('Agent run: ')) {
      return recognised('openai-agents', { ...shared, kind: 'agent_run', operation: 'invoke_agent', agentName: name });
    }
    if (text(attributes, 'gen_ai.request.model', 'gen_ai.response.model') !== '') {
      const answered = output ?? first(attributes, 'response_data', 'events');
      return recognised('openai-agents', {
        ...shared,
        kind: 'model_call',
        operation: text(attributes, 'gen_ai.operation.name') || 'chat',
        model: modelOf(attributes),
        tokens: tokensOf(attributes),
        content: contents({ input: input ?? first(attributes, 'request_data'), output: answered }),
        requestedCalls: requestedCalls(output),
      });
    }
    // Turns and tasks: their agent's name holds for what runs in them.
    if (/^(?:Turn |Task: |OpenAI Agents trace|Custom span)/.test(template)) {
      return recognised('openai-agents', { ...shared, operation: 'step', agentName: text(attributes, 'agent_name') });
    }
    return undefined;
  },
};
