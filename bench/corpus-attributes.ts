import { randomInt } from 'node:crypto';
import type { WireWriter } from '../src/otlp/protobuf/writer.ts';

// Made-up attributes and the words in them: what all records of the bench corpus are written with.

export const SERVICES = [
  'product-catalog',
  'frontend',
  'cart',
  'checkout',
  'payment',
  'shipping',
  'ad',
  'currency',
  'email',
  'quote',
] as const;
export const WORDS =
  'the a checkout service returns error after deploy pods restart memory limit timeout connection refused upstream retry payment currency conversion rate cart empty node pressure look at logs of previous container compare with last release roll back config map changed'.split(
    ' ',
  );

export function attributes(writer: WireWriter, field: number, pairs: Readonly<Record<string, string | number>>): void {
  for (const [key, value] of Object.entries(pairs)) {
    const pair = writer.begin(field);
    writer.stringField(1, key);
    const any = writer.begin(2);
    if (typeof value === 'string') writer.stringField(1, value);
    else writer.varintField(3, value);
    writer.end(any);
    writer.end(pair);
  }
}

export function pick<T>(values: readonly T[]): T {
  const value = values[randomInt(values.length)];
  if (value === undefined) throw new Error('picked from an empty list');
  return value;
}

export function sentence(words: number): string {
  return Array.from({ length: words }, () => pick(WORDS)).join(' ');
}

export function letters(count: number): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
  return Array.from({ length: count }, () => alphabet[randomInt(alphabet.length)]).join('');
}
