import { pino, type Logger as PinoLogger } from 'pino';

/**
 * Docket's own log: one JSON object a line. Callers log structure (counts, codes, ids), never content that redaction
 * could own; nothing here may be handed a request's bytes, an attribute value or an error that quotes one.
 */
export type Logger = PinoLogger;

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Logs to standard error, so that standard output stays free for the ready line and for what commands print; or to a file. */
export function createLogger(level: LogLevel, file?: string): Logger {
  const destination = pino.destination({ dest: file ?? 2, sync: true });
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination);
}
