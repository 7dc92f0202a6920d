import type { Actor } from '../record/actor.ts';

/** A time to the second (whole minutes without their zeros), UTC, with the whole of it for machines. */
export function Time({ at }: { readonly at: string }) {
  return (
    <time class="time" datetime={at}>
      {timeText(at)}
    </time>
  );
}

/** What `Time` shows, for a sentence. */
export function timeText(at: string): string {
  return `${at.slice(0, 19).replace('T', ' ').replace(/:00$/u, '')}Z`;
}

/** `1 span`, `2 spans`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

export function Who({ actor }: { readonly actor: Actor }) {
  return (
    <span>
      {actor.name}{' '}
      <span class="quiet">
        ({actor.kind}
        {actor.onBehalfOf === undefined ? '' : ` for ${actor.onBehalfOf}`})
      </span>
    </span>
  );
}

// What redaction leaves in a text's place.
const MARKER = /(\[(?:redacted|withheld|cut|pseudonym):[^\][]{1,300}\])/g;

/** Redacted text with what was taken out made visible as such. */
export function Redacted({ text }: { readonly text: string }) {
  return <>{text.split(MARKER).map((part, index) => (index % 2 === 1 ? <mark>{part}</mark> : part))}</>;
}

/** The largest two units of a span of time, `3 h 12 min`. */
export function duration(milliseconds: number): string {
  const minutes = Math.max(0, Math.floor(milliseconds / 60_000));
  const [days, hours, rest] = [Math.floor(minutes / 1_440), Math.floor(minutes / 60) % 24, minutes % 60];
  if (days > 0) return `${days} d ${hours} h`;
  return hours > 0 ? `${hours} h ${rest} min` : `${rest} min`;
}

/** Nanoseconds in the unit that reads best. */
export function shortDuration(nanoseconds: number): string {
  if (nanoseconds < 1e6) return `${(nanoseconds / 1e3).toFixed(0)} µs`;
  if (nanoseconds < 1e9) return `${(nanoseconds / 1e6).toFixed(1)} ms`;
  return `${(nanoseconds / 1e9).toFixed(2)} s`;
}

/** A badge whose word says it and whose colour repeats it. */
export function Badge({ text, tone }: { readonly text: string; readonly tone: 'good' | 'bad' | 'warn' | 'quiet' }) {
  return <span class={`badge ${tone}`}>{text}</span>;
}

const LOUD_SEVERITIES: readonly string[] = ['sev1', 'sev2'];

/** Filled for what wakes people up. */
export function SeverityBadge({ severity }: { readonly severity: string }) {
  const word = severity === 'unknown' ? 'SEV ?' : severity.toUpperCase();
  return <span class={`badge ${LOUD_SEVERITIES.includes(severity) ? `loud ${severity}` : 'quiet'}`}>{word}</span>;
}

const STATUS_TONES: ReadonlyMap<string, 'good' | 'bad' | 'warn'> = new Map([
  ['triage', 'warn'],
  ['active', 'bad'],
  ['mitigated', 'warn'],
  ['monitoring', 'warn'],
  ['resolved', 'good'],
  ['closed', 'good'],
]);

export function StatusBadge({ status }: { readonly status: string }) {
  return <Badge text={status} tone={STATUS_TONES.get(status) ?? 'quiet'} />;
}

/** A kind of evidence as people say it: `tool call`. */
export function kindWords(kind: string): string {
  return kind.replaceAll('_', ' ');
}

export function outcomeTone(outcome: string): 'good' | 'bad' | 'quiet' {
  return outcome === 'ok' ? 'good' : outcome === 'unknown' ? 'quiet' : 'bad';
}

/** Where a link within the page leads; every part is encoded. */
export function pathTo(...parts: readonly string[]): string {
  return `/${parts.map(encodeURIComponent).join('/')}`;
}
