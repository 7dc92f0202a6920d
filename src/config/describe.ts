import type { RawSetting } from './load-config.ts';
import { SETTING_NAMES, SETTING_SOURCES, type SettingName } from './settings.ts';
import type { ConfigProblem } from './yaml-file.ts';

/** The effective value of every setting and where it came from, one a line; passwords and tokens as `[set]`. */
export function describeConfig(origins: ReadonlyMap<SettingName, RawSetting>): string {
  const rows = SETTING_NAMES.map((name) => {
    const raw = origins.get(name);
    return { name, value: shown(name, raw?.value), origin: raw?.origin ?? 'default' };
  });
  const nameWidth = Math.max(...rows.map(({ name }) => name.length));
  const valueWidth = Math.max(...rows.map(({ value }) => value.length));
  return rows
    .map(({ name, value, origin }) => `${name.padEnd(nameWidth)}  ${value.padEnd(valueWidth)}  ${origin}\n`)
    .join('');
}

/** One problem a line, `where: what`. */
export function describeProblems(problems: readonly ConfigProblem[]): string {
  return problems.map(({ where, message }) => `${where}: ${message}\n`).join('');
}

/** Whoever knows the whole address of such a webhook may post to it: what tells it from others stands in the path. */
const SECRET_PATHS: ReadonlySet<SettingName> = new Set(['anchor.webhook']);

function shown(name: SettingName, value: unknown): string {
  if (value === null || value === undefined) return 'unset';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return SETTING_SOURCES[name].secret ? withoutSecrets(text, SECRET_PATHS.has(name)) : text;
}

/** A URL with its user, password and query replaced, and its path where that is secret: there deployments put credentials. */
function withoutSecrets(text: string, hasSecretPath: boolean): string {
  if (!URL.canParse(text)) return '[set]';
  const url = new URL(text);
  const path = hasSecretPath && url.pathname !== '/' ? '/[set]' : url.pathname;
  const user = url.username === '' && url.password === '' ? '' : '[set]@';
  return `${url.protocol}//${user}${url.host}${path}${url.search === '' ? '' : '?[set]'}`;
}
