import type { Severity } from '../../record/incident-record.ts';
import type { AlertSource } from '../../record/webhook-intake.ts';

/** One alert as any of the known systems reports it. Text is as sent, cut to bounds. */
export interface Alert {
  /** `otlp`: it came as a log record. */
  readonly source: AlertSource | 'otlp';
  /** The same while the same thing is wrong. */
  readonly fingerprint: string;
  readonly status: 'firing' | 'resolved';
  readonly title: string;
  readonly rule: string;
  readonly service: string;
  readonly environment: string;
  readonly severity: Severity;
  /** Milliseconds since the epoch; null when the payload does not say. */
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  readonly description: string;
  readonly url: string;
  readonly runbookUrl: string;
  /** Alerts of one group belong to one incident. */
  readonly group: string;
  /** An incident the alert names itself, by `incident.id`. */
  readonly incidentRef: string;
  readonly labels: Readonly<Record<string, string>>;
  /** What was measured, as the sender writes it; `''` where it does not. */
  readonly values: string;
  /** It tells how the alert of this fingerprint stands, and nothing else of it. */
  readonly onlyState: boolean;
}

const SEVERITY_WORDS: ReadonlyMap<string, Severity> = new Map([
  ...['critical', 'crit', 'page', 'emergency', 'disaster', 'fatal', 'p1', 'sev1', 'sev-1', '1'].map(
    (word) => [word, 'sev1'] as const,
  ),
  ...['error', 'high', 'major', 'p2', 'sev2', 'sev-2', 'severe', '2'].map((word) => [word, 'sev2'] as const),
  ...['warning', 'warn', 'medium', 'moderate', 'minor', 'normal', 'p3', 'sev3', 'sev-3', '3'].map(
    (word) => [word, 'sev3'] as const,
  ),
  ...['info', 'informational', 'low', 'debug', 'none', 'p4', 'p5', 'sev4', 'sev-4', '4', '5'].map(
    (word) => [word, 'sev4'] as const,
  ),
]);

/** The severity a monitoring system's own word stands for. */
export function severityOf(word: string): Severity {
  return SEVERITY_WORDS.get(word.trim().toLowerCase()) ?? 'unknown';
}

const RESOLVED_WORDS: ReadonlySet<string> = new Set([
  'resolved',
  'resolve',
  'ok',
  'normal',
  'recovered',
  'closed',
  'close',
  'inactive',
  'suppressed',
  'incident.resolved',
  'incident.resolve',
]);

/** Also of a state that it recovered from: `Warn Recovered`. */
export function isResolved(word: string): boolean {
  const state = word.trim().toLowerCase();
  return RESOLVED_WORDS.has(state) || state.endsWith(' recovered');
}
