import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { isAlias, isMap, isScalar, type YAMLMap } from 'yaml';
import type { LogLevel } from '../telemetry/logger.ts';
import type { ListenAddress } from './listen-address.ts';
import { nearestName } from './nearest-name.ts';
import {
  crossFieldProblems,
  OTHER_VARIABLES,
  SETTING_NAMES,
  SETTING_SOURCES,
  settingsSchema,
  type PartialSettings,
  type SettingName,
  type Settings,
} from './settings.ts';
import { readTokenFile, type ApiToken } from './token-file.ts';
import { readYamlFile, type ConfigProblem, type YamlFile } from './yaml-file.ts';

/** The effective configuration, checked and frozen. Paths are absolute. */
export interface DocketConfig {
  readonly dataDir: string;
  /** `url` null: the embedded ClickHouse under `dataDir`. Its path is the database. */
  readonly clickhouse: { readonly url: string | null };
  readonly listen: {
    readonly otlpGrpc: ListenAddress;
    readonly otlpHttp: ListenAddress;
    readonly api: ListenAddress;
  };
  /** `requestBytesMax` counts after decompression. `corsOrigins` empty: no browser of another origin may send. */
  readonly otlp: {
    readonly requestBytesMax: number;
    readonly connectionAgeMs: number;
    readonly keepaliveMs: number;
    readonly corsOrigins: readonly string[];
  };
  readonly spool: { readonly bytesMax: number };
  /** `file` null: the built-in default policy. */
  readonly policy: { readonly file: string | null };
  /** `url` null: nothing is forwarded. `headers` go with every request. */
  readonly forward: { readonly url: string | null; readonly headers: Readonly<Record<string, string>> };
  /** `webhook` null: signed heads are anchored to the file alone. */
  readonly anchor: { readonly webhook: string | null };
  readonly auth: {
    readonly mode: 'none' | 'token';
    /** The token file; null where none is set. */
    readonly file: string | null;
    /** Empty unless `mode` is `token`. */
    readonly tokens: readonly ApiToken[];
    readonly dangerouslyAllowOpen: boolean;
  };
  readonly log: { readonly level: LogLevel };
  readonly retention: { readonly telemetrySeconds: number };
  /** `path` null: no service catalogue. A file or a folder of them. */
  readonly catalogue: { readonly path: string | null };
  /** `otlpUrl` null: Docket's own metrics are shown at /metrics and sent nowhere. */
  readonly telemetry: { readonly otlpUrl: string | null };
}

/** What the command line says. Keys of `settings` are setting names; values are as typed. */
export interface ConfigOverrides {
  /** `--config`: the file, instead of DOCKET_CONFIG or ./docket.yaml. */
  readonly configFile?: string;
  /** `--port-base`: the ports of OTLP/gRPC, OTLP/HTTP and the API are N, N+1, N+2; 0 takes free ones. */
  readonly portBase?: string;
  readonly settings?: Partial<Record<SettingName, string>>;
}

export interface LoadConfigOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly overrides?: ConfigOverrides;
}

/** One setting as it was written and where: `default`, a variable, a flag, or `file:line:column`. */
export interface RawSetting {
  readonly value: unknown;
  readonly origin: string;
}

export type LoadConfigResult =
  | {
      readonly kind: 'loaded';
      readonly config: DocketConfig;
      /** Every setting with its origin, in the order of the documentation. */
      readonly origins: ReadonlyMap<SettingName, RawSetting>;
    }
  | { readonly kind: 'invalid'; readonly problems: readonly ConfigProblem[] };

/** Largest port base: three consecutive ports must fit. */
const PORT_BASE_MAX = 65_533;

/**
 * Reads the configuration: defaults, then docket.yaml (or the file DOCKET_CONFIG names), then variables, then flags; the
 * last one wins. Every problem of every source is reported at once.
 */
export function loadConfig(options: LoadConfigOptions): LoadConfigResult {
  const problems: ConfigProblem[] = [];
  const raw = new Map<SettingName, RawSetting>();
  for (const name of SETTING_NAMES) {
    const { default: value, path } = SETTING_SOURCES[name];
    raw.set(name, {
      value: path && typeof value === 'string' ? resolve(options.cwd, value) : value,
      origin: 'default',
    });
  }
  readFile(options, raw, problems);
  readVariables(options, raw, problems);
  readFlags(options, raw, problems);

  const settings = checkSettings(raw, problems);
  const tokens = readTokens(settings, problems);
  if (problems.length > 0 || !isComplete(settings)) return { kind: 'invalid', problems };
  return { kind: 'loaded', config: toConfig(settings, tokens), origins: raw };
}

function readFile(options: LoadConfigOptions, raw: Map<SettingName, RawSetting>, problems: ConfigProblem[]): void {
  const named = options.overrides?.configFile ?? nonEmpty(options.env['DOCKET_CONFIG']);
  const path = resolve(options.cwd, named ?? 'docket.yaml');
  if (named === undefined && !existsSync(path)) return;
  const file = readYamlFile(path, named ?? 'docket.yaml');
  if (!('document' in file)) {
    problems.push(...file);
    return;
  }
  const root = file.document.contents;
  if (root === null) return;
  if (isScalar(root) && root.value === null) return;
  if (!isMap(root)) {
    problems.push({ where: file.at(root.range[0]), message: 'the file must be a mapping of settings' });
    return;
  }
  readMap(root, '', { file, directory: dirname(path), raw, problems });
}

interface MapContext {
  readonly file: YamlFile;
  readonly directory: string;
  readonly raw: Map<SettingName, RawSetting>;
  readonly problems: ConfigProblem[];
}

function readMap(map: YAMLMap, prefix: string, context: MapContext): void {
  const { file, raw, problems } = context;
  for (const { key, value } of map.items) {
    const where = file.at(offsetOf(key) ?? offsetOf(map) ?? 0);
    if (!isScalar(key) || typeof key.value !== 'string') {
      problems.push({ where, message: 'a key must be text' });
      continue;
    }
    const path = prefix === '' ? key.value : `${prefix}.${key.value}`;
    const setting = SETTING_NAMES.find((name) => name === path);
    const isSection = SETTING_NAMES.some((name) => name.startsWith(`${path}.`));
    if (isAlias(value)) {
      problems.push({ where, message: `${path}: write the value out, aliases are not taken here` });
    } else if (setting !== undefined && (isScalar(value) || value === null)) {
      const scalar = isScalar(value) ? value.value : null;
      const valueWhere = file.at(offsetOf(value) ?? offsetOf(key) ?? 0);
      raw.set(setting, { value: located(setting, scalar, context.directory), origin: valueWhere });
    } else if (setting !== undefined) {
      problems.push({ where, message: `${path}: must be a single value` });
    } else if (isSection && isMap(value)) {
      readMap(value, path, context);
    } else if (isSection) {
      if (!(value === null || (isScalar(value) && value.value === null))) {
        problems.push({ where, message: `${path}: must be a mapping of settings` });
      }
    } else {
      problems.push({ where, message: `unknown key ${quoted(path)}${suggestion(path, SETTING_NAMES)}` });
    }
  }
}

function readVariables(options: LoadConfigOptions, raw: Map<SettingName, RawSetting>, problems: ConfigProblem[]): void {
  const byVariable = new Map(SETTING_NAMES.map((name) => [SETTING_SOURCES[name].variable, name]));
  for (const variable of Object.keys(options.env).sort()) {
    if (!variable.startsWith('DOCKET_') || OTHER_VARIABLES.some((other) => other === variable)) continue;
    // An empty variable is how compose files and shells say "not set".
    const value = nonEmpty(options.env[variable]);
    const setting = byVariable.get(variable);
    if (setting !== undefined) {
      if (value !== undefined) {
        raw.set(setting, { value: located(setting, value, options.cwd), origin: variable });
      }
    } else {
      problems.push({
        where: variable,
        message: `unknown variable${suggestion(variable, [...byVariable.keys(), ...OTHER_VARIABLES])}`,
      });
    }
  }
}

function readFlags(options: LoadConfigOptions, raw: Map<SettingName, RawSetting>, problems: ConfigProblem[]): void {
  const { portBase, settings = {} } = options.overrides ?? {};
  if (portBase !== undefined) {
    const base = /^\d{1,5}$/.test(portBase) ? Number(portBase) : Number.NaN;
    if (!(base <= PORT_BASE_MAX)) {
      problems.push({ where: '--port-base', message: `must be a whole number between 0 and ${PORT_BASE_MAX}` });
    } else {
      for (const [offset, name] of (['listen.otlp_grpc', 'listen.otlp_http', 'listen.api'] as const).entries()) {
        const value = raw.get(name)?.value;
        if (typeof value !== 'string') continue;
        // Only the port changes: where to listen stays what file and variables said.
        raw.set(name, {
          value: value.replace(/:\d+$/, `:${base === 0 ? 0 : base + offset}`),
          origin: '--port-base',
        });
      }
    }
  }
  for (const name of SETTING_NAMES) {
    const value = settings[name];
    if (value !== undefined) {
      raw.set(name, { value: located(name, value, options.cwd), origin: SETTING_SOURCES[name].flag });
    }
  }
}

function checkSettings(raw: ReadonlyMap<SettingName, RawSetting>, problems: ConfigProblem[]): PartialSettings {
  const originOf = (name: SettingName): string => {
    const origin = raw.get(name)?.origin ?? 'default';
    return origin === 'default' ? SETTING_SOURCES[name].variable : origin;
  };
  const parsed = settingsSchema.safeParse(Object.fromEntries([...raw].map(([name, { value }]) => [name, value])));
  let settings: PartialSettings;
  if (parsed.success) {
    settings = parsed.data;
  } else {
    const failed = new Set<string>();
    for (const issue of parsed.error.issues) {
      const name = SETTING_NAMES.find((each) => each === issue.path[0]);
      if (name === undefined || failed.has(name)) continue;
      failed.add(name);
      problems.push({ where: originOf(name), message: `${name}: ${issue.message}` });
    }
    const right = SETTING_NAMES.filter((name) => !failed.has(name)).map((name) => [name, raw.get(name)?.value]);
    settings = settingsSchema.partial().parse(Object.fromEntries(right));
  }
  for (const { setting, message } of crossFieldProblems(settings)) {
    problems.push({ where: originOf(setting), message: `${setting}: ${message}` });
  }
  return settings;
}

function readTokens(settings: PartialSettings, problems: ConfigProblem[]): readonly ApiToken[] {
  const path = settings['auth.tokens'];
  if (settings['auth.mode'] !== 'token' || typeof path !== 'string') return [];
  const result = readTokenFile(path, path);
  if ('tokens' in result) return result.tokens;
  problems.push(...result.problems);
  return [];
}

function isComplete(settings: PartialSettings): settings is Settings {
  return SETTING_NAMES.every((name) => settings[name] !== undefined);
}

function toConfig(settings: Settings, tokens: readonly ApiToken[]): DocketConfig {
  return Object.freeze({
    dataDir: settings.data_dir,
    clickhouse: Object.freeze({ url: settings['clickhouse.url']?.href ?? null }),
    listen: Object.freeze({
      otlpGrpc: Object.freeze(settings['listen.otlp_grpc']),
      otlpHttp: Object.freeze(settings['listen.otlp_http']),
      api: Object.freeze(settings['listen.api']),
    }),
    otlp: Object.freeze({
      requestBytesMax: settings['otlp.request_max'],
      connectionAgeMs: settings['otlp.connection_age'],
      keepaliveMs: settings['otlp.keepalive'],
      corsOrigins: Object.freeze(settings['otlp.cors_origins'] ?? []),
    }),
    spool: Object.freeze({ bytesMax: settings['spool.max'] }),
    policy: Object.freeze({ file: settings.policy }),
    forward: Object.freeze({
      url: settings['forward.url']?.text ?? null,
      headers: Object.freeze(settings['forward.headers'] ?? {}),
    }),
    anchor: Object.freeze({ webhook: settings['anchor.webhook']?.href ?? null }),
    auth: Object.freeze({
      mode: settings['auth.mode'],
      file: settings['auth.tokens'],
      tokens,
      dangerouslyAllowOpen: settings['auth.dangerously_allow_open'],
    }),
    log: Object.freeze({ level: settings['log.level'] }),
    retention: Object.freeze({ telemetrySeconds: settings['retention.telemetry'] }),
    catalogue: Object.freeze({ path: settings.catalogue }),
    telemetry: Object.freeze({ otlpUrl: settings['telemetry.otlp_url']?.href ?? null }),
  });
}

function located(name: SettingName, value: unknown, directory: string): unknown {
  return SETTING_SOURCES[name].path && typeof value === 'string' && value !== '' ? resolve(directory, value) : value;
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}

function offsetOf(node: unknown): number | undefined {
  if (typeof node !== 'object' || node === null || !('range' in node) || !Array.isArray(node.range)) return undefined;
  return typeof node.range[0] === 'number' ? node.range[0] : undefined;
}

function quoted(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}

function suggestion(name: string, known: readonly string[]): string {
  const nearest = nearestName(name, known);
  return nearest === undefined ? '' : `, did you mean ${nearest}?`;
}
