import { GEN_AI } from '../../otlp/semconv/gen-ai.ts';
import { first, text } from '../attribute.ts';
import { overlay, type OverlayKeys } from '../overlay.ts';
import type { Dialect, Recognised } from '../recognised.ts';
import type { TelemetryRecord } from '../telemetry-record.ts';
import { fromGenAi } from './otel-genai.ts';

const KEYS: OverlayKeys = {
  agentName: ['agent_name'],
  content: {
    arguments: ['tool_arguments'],
    result: ['tool_response'],
    input: ['pydantic_ai.all_messages', 'all_messages_events', 'events'],
    output: ['final_result'],
  },
};

/** Pydantic AI, format 3 (GenAI names) and 2 (`running tool`, `agent run`, `tool_arguments`). */
export const pydanticAi: Dialect = {
  name: 'pydantic-ai',
  recognise(record) {
    if (record.signal !== 'traces' || record.scope.name !== 'pydantic-ai') return undefined;
    const operation = operationOf(record);
    if (operation === '') return undefined;
    return deferral(record, overlay(fromGenAi('pydantic-ai', record, operation), record, KEYS));
  },
};

function operationOf(record: TelemetryRecord): string {
  const { attributes } = record;
  const operation = text(attributes, GEN_AI.operationName);
  if (operation !== '') return operation;
  // MCP spans of its servers are left to the MCP conventions.
  if (first(attributes, 'mcp.method.name') !== undefined) return '';
  if (first(attributes, GEN_AI.toolName, GEN_AI.toolCallId) !== undefined) return 'execute_tool';
  if (first(attributes, 'agent_name') !== undefined) return 'invoke_agent';
  return first(attributes, ...GEN_AI.model) === undefined ? '' : 'chat';
}

/** A call put off until somebody approves is a question to a human, not a run of the tool. */
function deferral(record: TelemetryRecord, found: Recognised): Recognised {
  const name = text(record.attributes, 'pydantic_ai.tool.deferral.name');
  if (name === '') return found;
  const detail = [found.detail, name].filter(Boolean).join(' ');
  if (name !== 'ApprovalRequired') return { ...found, outcome: 'unknown', detail };
  return { ...found, kind: 'approval_signal', operation: 'approval required', outcome: 'unknown', detail: '' };
}
