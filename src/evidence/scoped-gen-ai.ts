import { GEN_AI, MCP } from '../otlp/semconv/gen-ai.ts';
import { fromGenAi } from './dialects/otel-genai.ts';
import { first, text } from './attribute.ts';
import { overlay, type OverlayKeys } from './overlay.ts';
import type { Dialect } from './recognised.ts';
import type { TelemetryRecord } from './telemetry-record.ts';

/** A dialect that speaks GenAI under scopes of its own, with a few names of its own beside. */
export function scopedGenAi(
  name: string,
  isFrom: (record: TelemetryRecord) => boolean,
  keys: OverlayKeys = {},
): Dialect {
  return {
    name,
    recognise(record) {
      if (record.signal !== 'traces' || !isFrom(record)) return undefined;
      const { attributes } = record;
      const operation = text(attributes, GEN_AI.operationName);
      if (operation !== '') return overlay(fromGenAi(name, record, operation), record, keys);
      if (first(attributes, MCP.methodName) !== undefined) return undefined;
      const isTool = first(attributes, GEN_AI.toolName, GEN_AI.toolCallId, ...(keys.toolName ?? [])) !== undefined;
      return isTool ? overlay(fromGenAi(name, record, 'execute_tool'), record, keys) : undefined;
    },
  };
}
