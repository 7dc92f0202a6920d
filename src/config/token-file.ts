import { isMap, isScalar, isSeq, type YAMLMap } from 'yaml';
import { nearestName } from './nearest-name.ts';
import { z } from 'zod';
import { readYamlFile, type ConfigProblem } from './yaml-file.ts';

const tokenSchema = z.strictObject({
  name: z.string().min(1).max(200),
  kind: z.enum(['human', 'agent', 'service']),
  tenant: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'must be lower-case letters, digits and dashes')
    .default('default'),
  id: z.string().min(1).max(200).nullable().default(null),
  sha256: z.string().regex(/^[0-9a-f]{64}$/, 'must be the SHA-256 of the token, 64 lower-case hex digits'),
});

/** A bearer token as the deployment knows it: by its hash, with who it stands for. */
export type ApiToken = Readonly<z.output<typeof tokenSchema>>;

const TOKENS_MAX = 10_000;

/**
 * Reads a token file: `version: 1` and `tokens:`, a list of `{name, kind, tenant?, id?, sha256}`. Problems never quote
 * a value, so that a token put there by mistake is not printed.
 */
export function readTokenFile(
  path: string,
  shownAs: string,
): { readonly tokens: readonly ApiToken[] } | { readonly problems: readonly ConfigProblem[] } {
  const file = readYamlFile(path, shownAs);
  if (!('document' in file)) return { problems: file };
  const problems: ConfigProblem[] = [];
  const root = file.document.contents;
  if (!isMap(root)) return { problems: [{ where: shownAs, message: 'must have version: 1 and a list of tokens' }] };
  for (const pair of root.items) {
    const key = isScalar(pair.key) ? String(pair.key.value) : '';
    if (key !== 'version' && key !== 'tokens') {
      problems.push({ where: file.at(rangeOf(pair.key)), message: 'unknown key; known are version and tokens' });
    }
  }
  const version: unknown = root.get('version');
  if (version !== 1) problems.push({ where: shownAs, message: 'version must be 1' });
  const list = root.get('tokens', true);
  if (!isSeq(list) || list.items.length === 0 || list.items.length > TOKENS_MAX) {
    problems.push({ where: shownAs, message: `tokens must be a list of 1 to ${TOKENS_MAX} tokens` });
    return { problems };
  }
  const tokens: ApiToken[] = [];
  const seen = new Set<string>();
  for (const item of list.items) {
    const where = file.at(rangeOf(item));
    if (!isMap(item)) {
      problems.push({ where, message: 'a token must be name, kind and sha256' });
      continue;
    }
    const parsed = tokenSchema.safeParse(scalarsOf(item));
    if (!parsed.success) {
      for (const issue of parsed.error.issues) problems.push({ where, message: describeIssue(issue) });
    } else if (seen.has(parsed.data.sha256)) {
      problems.push({ where, message: 'the same token is listed twice' });
    } else {
      seen.add(parsed.data.sha256);
      tokens.push(Object.freeze(parsed.data));
    }
  }
  return problems.length > 0 ? { problems } : { tokens: Object.freeze(tokens) };
}

function scalarsOf(map: YAMLMap): Record<string, unknown> {
  const scalars: Record<string, unknown> = Object.create(null);
  for (const pair of map.items) {
    if (isScalar(pair.key)) scalars[String(pair.key.value)] = isScalar(pair.value) ? pair.value.value : {};
  }
  return { ...scalars };
}

function describeIssue(issue: z.core.$ZodIssue): string {
  if (issue.code === 'unrecognized_keys') {
    const hints = issue.keys.map((key) => nearestName(key, Object.keys(tokenSchema.shape)));
    const hint = hints.find((each) => each !== undefined);
    return `unknown key in a token${hint ? `, did you mean ${hint}?` : ''}`;
  }
  return `${issue.path.join('.')}: ${issue.message}`;
}

function rangeOf(node: unknown): number {
  if (typeof node !== 'object' || node === null || !('range' in node)) return 0;
  return Array.isArray(node.range) && typeof node.range[0] === 'number' ? node.range[0] : 0;
}
