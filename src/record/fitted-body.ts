import type { z } from 'zod';

/** Parses a scrubbed body. A marker may be longer than what it stands for: text that fitted as it was sent is cut to fit again. */
export function fittedBody(schema: z.ZodType, scrubbed: unknown, sent: unknown): z.ZodSafeParseResult<unknown> {
  const result = schema.safeParse(scrubbed);
  if (result.success || !schema.safeParse(sent).success) return result;
  const cut = structuredClone(scrubbed);
  for (const issue of result.error.issues) {
    if (issue.code !== 'too_big' || issue.origin !== 'string') return result;
    const name = issue.path.at(-1);
    const holder = issue.path.slice(0, -1).reduce<unknown>((value, key) => memberOf(value, key), cut);
    const text = memberOf(holder, name);
    if (typeof text !== 'string' || typeof holder !== 'object' || holder === null || name === undefined) return result;
    Reflect.set(holder, name, cutTo(text, Number(issue.maximum)));
  }
  return schema.safeParse(cut);
}

function memberOf(value: unknown, key: PropertyKey | undefined): unknown {
  return typeof value === 'object' && value !== null && key !== undefined ? Reflect.get(value, key) : undefined;
}

/** Cut without leaving half a surrogate pair. */
function cutTo(text: string, length: number): string {
  return `${text.slice(0, length - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}
