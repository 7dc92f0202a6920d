import { z } from 'zod';

/**
 * The pieces that entry bodies are made of. Everything a client sends is bounded here; what depends on the record or the
 * clock is decided later.
 */
export const MAX_TEXT = 20_000;
export const MAX_LINE = 500;
export const MAX_ITEMS = 100;

/** Prose of several lines. */
export const text = (max = MAX_TEXT) =>
  z
    .string()
    .min(1)
    .max(max)
    // Control characters other than tab and line breaks could disguise what a terminal or a log shows.
    // oxlint-disable-next-line no-control-regex
    .regex(/^[^\p{Cs}\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]+$/u, 'must not hold control characters')
    .refine((value) => value.trim() !== '', 'must not be blank');

/** One line: names, titles, questions. */
export const line = (max = MAX_LINE) =>
  z
    .string()
    .min(1)
    .max(max)
    .regex(/^[^\p{Cc}\p{Cs}\u2028\u2029]+$/u, 'must be one line without control characters')
    .refine((value) => value.trim() !== '', 'must not be blank');

/** Names an item of the incident: its id or its label. */
export const reference = () => line(128);

export const references = () => z.array(reference()).max(MAX_ITEMS);

export const lines = (max = MAX_LINE) => z.array(line(max)).max(MAX_ITEMS);

/** RFC 3339, between the years 2000 and 2100; kept in UTC with the precision it was given. */
export const instant = () =>
  z.iso
    .datetime({ offset: true })
    .max(40)
    .refine((value) => {
      const year = new Date(value).getUTCFullYear();
      return year >= 2000 && year < 2100;
    }, 'must lie between the years 2000 and 2100')
    .transform(toUtc);

function toUtc(value: string): string {
  const fraction = /\.(\d+)/.exec(value)?.[1]?.replace(/0+$/, '').slice(0, 9) ?? '';
  const whole = new Date(value).toISOString().slice(0, 19);
  return fraction === '' ? `${whole}Z` : `${whole}.${fraction}Z`;
}

/** Milliseconds since the epoch of an RFC 3339 time. */
export function millis(at: string): number {
  return Date.parse(at);
}
