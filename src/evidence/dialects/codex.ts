import { count, first, text } from '../attribute.ts';
import { normalisedCallId } from '../../otlp/semconv/call-id.ts';
import { modelOf, outcomeOf } from '../gen-ai-fields.ts';
import { eventStart } from '../log-event.ts';
import { contents, recognised, type Dialect } from '../recognised.ts';

/** Codex CLI: log events `codex.*`. Arguments and output of tools are always sent. */
export const codex: Dialect = {
  name: 'codex',
  recognise(record) {
    if (record.signal !== 'logs' || !record.eventName.startsWith('codex.')) return undefined;
    const { attributes } = record;
    const event = record.eventName.slice('codex.'.length);
    const base = {
      operation: event,
      agentName: 'codex',
      conversationId: text(attributes, 'conversation.id'),
      startTimeUnixNano: eventStart(record),
    };
    const tool = {
      name: text(attributes, 'tool_name'),
      callId: normalisedCallId(first(attributes, 'call_id')),
      type: null,
      mcpServer: text(attributes, 'mcp_server') || null,
      role: 'event',
    } as const;
    switch (event) {
      case 'tool_result':
        return recognised('codex', {
          ...base,
          kind: 'tool_call',
          tool,
          outcome: outcomeOf(record),
          content: contents({ arguments: first(attributes, 'arguments'), result: first(attributes, 'output') }),
        });
      case 'tool_decision': {
        const decision = text(attributes, 'decision');
        return recognised('codex', {
          ...base,
          kind: 'approval_signal',
          tool,
          outcome: decision.startsWith('approved') ? 'ok' : /^(?:denied|abort)/.test(decision) ? 'denied' : 'unknown',
          detail: `${decision} by ${text(attributes, 'source')}`,
        });
      }
      case 'conversation_starts':
        return recognised('codex', { ...base, kind: 'agent_run', model: modelOf(attributes, 'model') });
      case 'sandbox_outcome':
        return recognised('codex', {
          ...base,
          kind: 'guardrail',
          tool,
          outcome: /den(?:y|ied)|reject/i.test(text(attributes, 'outcome')) ? 'denied' : outcomeOf(record),
          detail: text(attributes, 'outcome'),
        });
      case 'sse_event':
      case 'api_request': {
        const input = count(attributes, 'input_token_count');
        const failed = outcomeOf(record) === 'error' || first(attributes, 'error.message') !== undefined;
        // Most stream events and every request that went well say nothing that the completed response does not.
        if (input === null && !failed) return recognised('codex', base);
        return recognised('codex', {
          ...base,
          kind: 'model_call',
          model: modelOf(attributes, 'model'),
          tokens: input === null ? null : { input, output: count(attributes, 'output_token_count') },
          outcome: failed ? 'error' : 'ok',
        });
      }
      default:
        return recognised('codex', base);
    }
  },
};
