import { count, first, text } from '../attribute.ts';
import { normalisedCallId } from '../../otlp/semconv/call-id.ts';
import { modelOf, outcomeOf } from '../gen-ai-fields.ts';
import { eventStart } from '../log-event.ts';
import { overlay } from '../overlay.ts';
import { contents, recognised, type Dialect, type Recognised } from '../recognised.ts';
import type { LogRecord } from '../telemetry-record.ts';
import { fromGenAi } from './otel-genai.ts';

/** Gemini CLI: log events `gemini_cli.*`, and spans (off by default) with operations of its own. */
export const geminiCli: Dialect = {
  name: 'gemini-cli',
  recognise(record) {
    if (record.signal === 'logs') {
      return record.eventName.startsWith('gemini_cli.') ? fromEvent(record) : undefined;
    }
    if (record.scope.name !== 'gemini-cli') return undefined;
    const operation = text(record.attributes, 'gen_ai.operation.name');
    if (operation === '') return undefined;
    return overlay(fromGenAi('gemini-cli', record, operation), record, { toolName: ['function_name'] });
  },
};

function fromEvent(record: LogRecord): Recognised {
  const { attributes } = record;
  const event = record.eventName.slice('gemini_cli.'.length);
  const base = {
    operation: event,
    agentName: text(attributes, 'agent_name') || 'gemini-cli',
    sessionId: text(attributes, 'session.id'),
    startTimeUnixNano: eventStart(record),
  };
  switch (event) {
    case 'tool_call': {
      const decision = text(attributes, 'decision');
      const tool = {
        name: text(attributes, 'function_name'),
        callId: normalisedCallId(first(attributes, 'call_id', 'tool_call_id')),
        type: text(attributes, 'tool_type') || null,
        mcpServer: text(attributes, 'mcp_server_name') || null,
        role: 'event',
      } as const;
      // A call that somebody rejected did not run: what is left is the rejection.
      if (decision === 'reject') {
        return recognised('gemini-cli', {
          ...base,
          kind: 'approval_signal',
          tool,
          outcome: 'denied',
          detail: 'reject',
          content: contents({ arguments: first(attributes, 'function_args') }),
        });
      }
      return recognised('gemini-cli', {
        ...base,
        kind: 'tool_call',
        tool,
        outcome: outcomeOf(record),
        // What ran by itself nobody was asked about.
        approval: decision === 'auto_accept' ? '' : decision,
        detail: decision === '' ? '' : `(${decision})`,
        content: contents({ arguments: first(attributes, 'function_args') }),
      });
    }
    case 'api_response':
    case 'api_error':
      return recognised('gemini-cli', {
        ...base,
        kind: 'model_call',
        model: modelOf(attributes, 'model', 'model_name'),
        tokens:
          event === 'api_error'
            ? null
            : { input: count(attributes, 'input_token_count'), output: count(attributes, 'output_token_count') },
        outcome: event === 'api_error' ? 'error' : 'ok',
        content: contents({ output: first(attributes, 'response_text') }),
      });
    case 'approval_mode_switch':
      return recognised('gemini-cli', {
        ...base,
        kind: 'approval_signal',
        outcome: 'ok',
        detail: `${text(attributes, 'from_mode')} to ${text(attributes, 'to_mode')}`,
      });
    default:
      return recognised('gemini-cli', base);
  }
}
