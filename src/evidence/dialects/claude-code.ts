import type { EvidenceOutcome } from '../../record/evidence.ts';
import { count, first, flag, has, parsedJson, text } from '../attribute.ts';
import { normalisedCallId } from '../../otlp/semconv/call-id.ts';
import { modelOf, outcomeOf } from '../gen-ai-fields.ts';
import { eventStart } from '../log-event.ts';
import { contents, recognised, type Dialect, type Recognised, type RecognisedTool } from '../recognised.ts';
import type { Attributes, LogRecord, SpanRecord, TelemetryRecord } from '../telemetry-record.ts';

/** Claude Code: log events (`claude_code.tool_result`) and, in beta, spans by `span.type`. */
export const claudeCode: Dialect = {
  name: 'claude-code',
  recognise(record) {
    if (record.signal === 'traces') {
      return record.scope.name === 'com.anthropic.claude_code.tracing' ? fromSpan(record) : undefined;
    }
    const event = eventOf(record);
    return event === '' ? undefined : fromEvent(record, event);
  },
};

/** The event's name without prefix, from the body or `event.name`. */
function eventOf(record: LogRecord): string {
  const named = typeof record.body === 'string' ? record.body : '';
  if (named.startsWith('claude_code.')) return named.slice('claude_code.'.length);
  if (record.eventName.startsWith('claude_code.')) return record.eventName.slice('claude_code.'.length);
  return record.scope.name === 'com.anthropic.claude_code.events' ? record.eventName : '';
}

function shared(record: TelemetryRecord): Partial<Omit<Recognised, 'dialect'>> {
  return {
    agentName: text(record.attributes, 'agent.name') || 'claude-code',
    sessionId: text(record.attributes, 'session.id'),
  };
}

/** An MCP tool is reported as `mcp_tool`, its names in the parameters. */
function toolOf(attributes: Attributes, role: RecognisedTool['role']): RecognisedTool {
  const name = text(attributes, 'tool_name', 'gen_ai.tool.name');
  const parameters = parsedJson(first(attributes, 'tool_parameters'));
  const mcp = (key: string): string => {
    if (typeof parameters !== 'object' || parameters === null) return '';
    const value: unknown = Object.getOwnPropertyDescriptor(parameters, key)?.value;
    return typeof value === 'string' ? value : '';
  };
  return {
    name: name === 'mcp_tool' ? mcp('mcp_tool_name') || name : name,
    callId: normalisedCallId(first(attributes, 'tool_use_id', 'gen_ai.tool.call.id')),
    type: null,
    mcpServer:
      text(attributes, 'mcp_server_name') || mcp('mcp_server_name') || (/^mcp__(.+?)__/.exec(name)?.[1] ?? null),
    role,
  };
}

function fromEvent(record: LogRecord, event: string): Recognised {
  const { attributes } = record;
  const base = { ...shared(record), operation: event, startTimeUnixNano: eventStart(record) };
  switch (event) {
    case 'tool_result':
      return recognised('claude-code', {
        ...base,
        kind: 'tool_call',
        tool: toolOf(attributes, 'event'),
        outcome: first(attributes, 'error') === undefined ? outcomeOf(record) : 'error',
        content: contents({ arguments: first(attributes, 'tool_input', 'tool_parameters') }),
      });
    case 'tool_decision': {
      const decision = text(attributes, 'decision');
      return recognised('claude-code', {
        ...base,
        kind: 'approval_signal',
        tool: toolOf(attributes, 'event'),
        outcome: decisionOutcome(decision),
        detail: `${decision} by ${text(attributes, 'source')}`,
      });
    }
    case 'permission_mode_changed':
      return recognised('claude-code', {
        ...base,
        kind: 'approval_signal',
        outcome: 'ok',
        detail: `${text(attributes, 'from_mode')} to ${text(attributes, 'to_mode')}`,
      });
    case 'api_request':
    case 'api_error':
    case 'api_refusal':
      return recognised('claude-code', {
        ...base,
        kind: 'model_call',
        model: modelOf(attributes, 'model'),
        tokens: tokens(attributes),
        outcome: event === 'api_request' ? 'ok' : event === 'api_error' ? 'error' : 'denied',
      });
    default:
      return recognised('claude-code', base);
  }
}

function decisionOutcome(decision: string): EvidenceOutcome {
  if (decision === 'accept') return 'ok';
  return decision === 'reject' ? 'denied' : 'unknown';
}

/** Anthropic counts what came from and went to its cache apart; the conventions count it as input. */
function tokens(attributes: Attributes): Recognised['tokens'] {
  const uncached = count(attributes, 'input_tokens');
  const cached = (count(attributes, 'cache_read_tokens') ?? 0) + (count(attributes, 'cache_creation_tokens') ?? 0);
  const input = uncached === null ? count(attributes, 'gen_ai.usage.input_tokens') : uncached + cached;
  const output = count(attributes, 'output_tokens', 'gen_ai.usage.output_tokens');
  return input === null && output === null ? null : { input, output };
}

function fromSpan(record: SpanRecord): Recognised {
  const { attributes } = record;
  const type = (text(attributes, 'span.type') || record.name).replace(/^claude_code\./, '');
  const base = { ...shared(record), operation: type, outcome: outcomeOf(record) };
  switch (type) {
    case 'interaction':
      return recognised('claude-code', {
        ...base,
        kind: 'agent_run',
        content: contents({ input: first(attributes, 'user_prompt', 'prompt', 'new_context') }),
      });
    case 'llm_request':
      return recognised('claude-code', {
        ...base,
        kind: 'model_call',
        model: modelOf(attributes, 'model'),
        tokens: tokens(attributes),
        content: contents({
          instructions: first(attributes, 'system_prompt_preview'),
          input: first(attributes, 'new_context'),
          output: first(attributes, 'response.model_output'),
        }),
      });
    case 'tool':
      return recognised('claude-code', {
        ...base,
        kind: 'tool_call',
        tool: toolOf(attributes, 'execute'),
        content: contents({
          arguments: first(attributes, 'tool_input', 'tool_parameters', 'full_command', 'file_path'),
          result: record.events.find((event) => event.name === 'tool.output')?.attributes.get('output')?.[0],
        }),
      });
    case 'tool.blocked_on_user':
    case 'blocked_on_user': {
      const decision = text(attributes, 'decision', 'decision_type');
      return recognised('claude-code', {
        ...base,
        kind: 'approval_signal',
        // The call it waits for is that of the span around it, and is often named there alone.
        tool: has(attributes, 'tool_name', 'tool_use_id') ? toolOf(attributes, 'event') : null,
        outcome: flag(attributes, 'success') === false ? 'denied' : decisionOutcome(decision),
        detail: [decision, text(attributes, 'decision_source', 'source')].filter(Boolean).join(' by '),
      });
    }
    default:
      return recognised('claude-code', base);
  }
}
