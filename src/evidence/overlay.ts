import { first, text } from './attribute.ts';
import { normalisedCallId } from '../otlp/semconv/call-id.ts';
import type { Recognised } from './recognised.ts';
import type { AnyValue, TelemetryRecord } from './telemetry-record.ts';

/** Where a dialect keeps what the GenAI names did not give; keys in the order they are asked. */
export interface OverlayKeys {
  readonly toolName?: readonly string[];
  readonly callId?: readonly string[];
  readonly mcpServer?: readonly string[];
  readonly agentName?: readonly string[];
  readonly conversationId?: readonly string[];
  readonly sessionId?: readonly string[];
  /** Content name to keys. */
  readonly content?: Readonly<Record<string, readonly string[]>>;
}

/** Fills what is missing in `found` from a dialect's own keys. */
export function overlay(found: Recognised, record: TelemetryRecord, keys: OverlayKeys): Recognised {
  const { attributes } = record;
  const content = new Map<string, AnyValue>(found.content);
  for (const [name, from] of Object.entries(keys.content ?? {})) {
    const value = content.has(name) ? undefined : first(attributes, ...from);
    if (value !== undefined) content.set(name, value);
  }
  const { tool } = found;
  return {
    ...found,
    content,
    tool:
      tool === null
        ? null
        : {
            ...tool,
            name: tool.name || text(attributes, ...(keys.toolName ?? [])),
            callId: tool.callId || normalisedCallId(first(attributes, ...(keys.callId ?? []))),
            mcpServer: tool.mcpServer ?? (text(attributes, ...(keys.mcpServer ?? [])) || null),
          },
    agentName: found.agentName || text(attributes, ...(keys.agentName ?? [])),
    conversationId: found.conversationId || text(attributes, ...(keys.conversationId ?? [])),
    sessionId: found.sessionId || text(attributes, ...(keys.sessionId ?? [])),
  };
}
