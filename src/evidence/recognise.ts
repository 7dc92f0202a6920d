import { openInference } from './dialects/openinference.ts';
import { openLlmetry } from './dialects/openllmetry.ts';
import { otelGenAi } from './dialects/otel-genai.ts';
import { vercelAi } from './dialects/vercel-ai.ts';
import type { Dialect, Recognised } from './recognised.ts';
import type { TelemetryRecord } from './telemetry-record.ts';

/** Every dialect in the order they are asked; the first that knows a record says what it is. */
export const DIALECTS: readonly Dialect[] = [openInference, openLlmetry, vercelAi, otelGenAi];

/** What a record is, undefined when no dialect knows it. */
export function recognise(record: TelemetryRecord): Recognised | undefined {
  for (const dialect of DIALECTS) {
    const found = dialect.recognise(record);
    if (found !== undefined) return found;
  }
  return undefined;
}
