import type { Entry } from './entry.ts';

/** A text Docket noted in the entry under `docket`; null when it is not there. */
export function docketText(entry: Entry, key: string): string | null {
  const note = entry.body['docket'];
  if (note === undefined || note === null || typeof note !== 'object' || Array.isArray(note)) return null;
  const value: unknown = Object.entries(note).find(([name]) => name === key)?.[1];
  return typeof value === 'string' ? value : null;
}

/** A time Docket noted, as `docketText`; null when it is not a time. */
export function docketTime(entry: Entry, key: string): string | null {
  const value = docketText(entry, key);
  return value !== null && !Number.isNaN(Date.parse(value)) ? value : null;
}
