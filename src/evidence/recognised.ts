import type { EvidenceKind, EvidenceModel, EvidenceOutcome, EvidenceTokens } from '../record/evidence.ts';
import type { AnyValue, TelemetryRecord } from './telemetry-record.ts';

/** From which side a record saw a tool call; the earlier ones know more about it and lead the row. */
export const TOOL_ROLES = ['execute', 'event', 'mcp_client', 'mcp_server', 'request'] as const;
/**
 * `execute`: the agent's own span of running the tool. `event`: a log event of the call. `mcp_client`, `mcp_server`: a side of the
 * MCP request. `request`: the model asked for the call in its output.
 */
export type ToolRole = (typeof TOOL_ROLES)[number];

export interface RecognisedTool {
  readonly name: string;
  /** Normalised (see ./call-id.ts); `''` when the emitter gave none that can be relied on. */
  readonly callId: string;
  readonly type: string | null;
  readonly mcpServer: string | null;
  readonly role: ToolRole;
}

/** A tool call that a model's output asks for. */
export interface RequestedCall {
  readonly callId: string;
  readonly name: string;
  readonly arguments: AnyValue | undefined;
}

/**
 * What a dialect makes of one record. `kind` null: agent work that is no row of its own (a chain, a step, a task), kept
 * because its agent, conversation and incident refs hold for what runs under it.
 */
export interface Recognised {
  readonly dialect: string;
  readonly kind: EvidenceKind | null;
  /** What was done, for the summary's start: `execute_tool`, `chat`, `invoke_agent`, `handoff`. */
  readonly operation: string;
  readonly tool: RecognisedTool | null;
  readonly model: EvidenceModel | null;
  readonly tokens: EvidenceTokens | null;
  /** Who acts, `''` when the record does not say. */
  readonly agentName: string;
  readonly agentId: string;
  readonly conversationId: string;
  readonly sessionId: string;
  readonly outcome: EvidenceOutcome;
  /** Content by what it is; a name that is missing was not sent. */
  readonly content: ReadonlyMap<string, AnyValue>;
  /** Where content was uploaded instead of sent (`gen_ai.input.messages_ref`): name to pointer. */
  readonly references: ReadonlyMap<string, string>;
  readonly requestedCalls: readonly RequestedCall[];
  /** A person's decision that the record tells of beside the call it let run (`accept`); `''` for none. */
  readonly approval: string;
  /** Rest of the summary, from values that carry no content: `agent a → agent b`, `accept by user`. */
  readonly detail: string;
  /** When the act took place, if the record says otherwise than by its own time (log events with a duration). */
  readonly startTimeUnixNano: bigint | null;
  /** A log record that only adds to the row of the span it names, whatever kind that is. */
  readonly joinsSpan: boolean;
}

/** One telemetry dialect: a pure function from a record to what it is, undefined when it is not of this dialect. */
export interface Dialect {
  readonly name: string;
  recognise(record: TelemetryRecord): Recognised | undefined;
}

const NO_CONTENT: ReadonlyMap<string, AnyValue> = new Map();
const NO_REFERENCES: ReadonlyMap<string, string> = new Map();

/** A Recognised that is still filled in. */
export type Draft = { -readonly [Part in keyof Recognised]: Recognised[Part] };

const NO_CALLS: readonly RequestedCall[] = [];

/** A Recognised of which nothing is known yet. Every property in its place: objects as wide as this one are slow to grow or to spread. */
export function draft(dialect: string): Draft {
  return {
    dialect,
    kind: null,
    operation: '',
    tool: null,
    model: null,
    tokens: null,
    agentName: '',
    agentId: '',
    conversationId: '',
    sessionId: '',
    outcome: 'unknown',
    content: NO_CONTENT,
    references: NO_REFERENCES,
    requestedCalls: NO_CALLS,
    approval: '',
    detail: '',
    startTimeUnixNano: null,
    joinsSpan: false,
  };
}

/** A Recognised from the parts that are known. */
export function recognised(dialect: string, parts: Partial<Omit<Recognised, 'dialect'>>): Recognised {
  return Object.assign(draft(dialect), parts);
}

/** The content map of those values that were sent. */
export function contents(parts: Readonly<Record<string, AnyValue | undefined>>): ReadonlyMap<string, AnyValue> {
  const map = new Map<string, AnyValue>();
  for (const [name, value] of Object.entries(parts)) {
    if (value !== undefined && value !== null && value !== '') map.set(name, value);
  }
  return map;
}
