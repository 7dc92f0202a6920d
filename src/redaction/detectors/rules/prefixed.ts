/**
 * Makes rules for tokens that begin with a prefix their vendor documents. Examples are made from the alphabet and the length,
 * so that no real-looking token stands in the source.
 */
import type { DetectorRule, Validation } from '../rule.ts';

export const alphabets = {
  alnum: '[A-Za-z0-9]',
  lower: '[a-z0-9]',
  upper: '[A-Z0-9]',
  hex: '[0-9a-f]',
  anyHex: '[0-9A-Fa-f]',
  url: '[A-Za-z0-9_-]',
  word: '[A-Za-z0-9_]',
  base64: '[A-Za-z0-9+/=]',
  dotted: '[A-Za-z0-9_.-]',
  wide: '[A-Za-z0-9_.+/=~-]',
  base32: '[A-Z2-7]',
} as const;

export type Alphabet = keyof typeof alphabets;

const letters: Readonly<Record<Alphabet, string>> = {
  alnum: 'q7Zk2XwB9mTf4RvJ8nCs3LdH6gPy5',
  lower: 'q7zk2xwb9mtf4rvj8ncs3ldh6gpy5',
  upper: 'Q7ZK2XWB9MTF4RVJ8NCS3LDH6GPY5',
  hex: '7a2c9f4e8b3d6105',
  anyHex: '7a2C9f4E8b3D6105',
  url: 'q7Zk2XwB9mTf4RvJ8nCs3LdH6gPy5',
  word: 'q7Zk2XwB9mTf4RvJ8nCs3LdH6gPy5',
  base64: 'q7Zk2XwB9mTf4RvJ8nCs3LdH6gPy5',
  dotted: 'q7Zk2XwB9mTf4RvJ8nCs3LdH6gPy5',
  wide: 'q7Zk2XwB9mTf4RvJ8nCs3LdH6gPy5',
  base32: 'QZ7KXWB2MTFRVJ5NCS3LDH6GPY4',
};

/** A made-up value of the alphabet: the same every time. */
export function sampleOf(alphabet: Alphabet, length: number, seed = 0): string {
  const from = letters[alphabet];
  let out = '';
  for (let i = 0; i < length; i++) out += from[(i * 7 + seed * 3 + Math.floor(i / from.length)) % from.length] ?? '';
  return out;
}

export interface PrefixedToken {
  readonly id: string;
  readonly class?: string;
  readonly prefix: string | readonly string[];
  readonly alphabet: Alphabet;
  /** Characters after the prefix: fewest and most. */
  readonly length: readonly [number, number];
  readonly validate?: readonly Validation[];
  readonly version?: number;
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
}

/** The rule of a token that begins with one of the prefixes. */
export function prefixed(token: PrefixedToken): DetectorRule {
  const prefixes = typeof token.prefix === 'string' ? [token.prefix] : token.prefix;
  const first = prefixes[0] ?? '';
  const [fewest, most] = token.length;
  return {
    id: token.id,
    version: token.version ?? 1,
    class: token.class ?? 'secret.api_key',
    keywords: prefixes,
    window: { before: 0, after: most },
    pattern: `(?:${prefixes.map(escaped).join('|')})${alphabets[token.alphabet]}{${fewest},${most}}`,
    validate: token.validate ?? [{ check: 'no-placeholder' }],
    priority: 80,
    examples: {
      hit: [
        `use ${first}${sampleOf(token.alphabet, fewest, 1)} for db-2`,
        `{"k":"${first}${sampleOf(token.alphabet, Math.min(most, fewest + 3), 4)}"}`,
      ],
      miss: [`${first}${sampleOf(token.alphabet, Math.floor(fewest / 3))}`],
    },
  };
}
