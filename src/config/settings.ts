import { validateHeaderName, validateHeaderValue } from 'node:http';
import { LOG_LEVELS } from '../telemetry/logger.ts';
import { z } from 'zod';
import { parseByteSize } from './byte-size.ts';
import { parseDuration } from './duration.ts';
import { formatListenAddress, isLoopback, parseListenAddress, type ListenAddress } from './listen-address.ts';
import { parseRetention } from './retention.ts';

/** Text that a function reads into a value, or says why it cannot. */
function read<T extends object | number>(parse: (text: string) => T | string) {
  return z.string('must be text').transform((text, context): T => {
    const result = parse(text);
    if (typeof result !== 'string') return result;
    context.addIssue({ code: 'custom', message: result });
    return z.NEVER;
  });
}

function parseUrl(text: string, schemes: readonly string[] = ['http', 'https']): URL | string {
  const wanted = new Intl.ListFormat('en', { type: 'disjunction' }).format(schemes.map((scheme) => `${scheme}://`));
  if (!URL.canParse(text)) return `must be a URL that starts with ${wanted}`;
  const url = new URL(text);
  if (!schemes.includes(url.protocol.slice(0, -1))) return `must start with ${wanted}`;
  if (url.hash !== '') return 'must have no #fragment';
  return url;
}

/**
 * `http(s)://` speaks OTLP/HTTP (gRPC on port 4317), `grpc(s)://` OTLP/gRPC. Kept as written: a parsed URL forgets a port that is its
 * scheme's own, and a URL without a port means OTLP's.
 */
function parseForwardUrl(text: string): { readonly text: string } | string {
  const url = parseUrl(text, ['http', 'https', 'grpc', 'grpcs']);
  if (typeof url === 'string') return url;
  if (url.hostname === '') return 'must name a host';
  if (url.username !== '' || url.password !== '') return 'must hold no credentials';
  const isGrpc = url.protocol.startsWith('grpc') || url.port === '4317';
  if (isGrpc && !/^\/?$/.test(url.pathname)) return 'must have no path: it means gRPC (grpc://, or port 4317)';
  return url.search === '' ? { text } : 'must have no ?parameters';
}

/** What the transports say themselves. */
const OWN_HEADER = /^(?::.*|grpc-.*|content-.*|connection|host|te|transfer-encoding|.*-bin)$/;

/** `name=value,name=value`, values percent-encoded where need be, as in OTEL_EXPORTER_OTLP_HEADERS. */
function parseHeaders(text: string): Readonly<Record<string, string>> | string {
  const headers: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const pair of text.split(',')) {
    const equals = pair.indexOf('=');
    const name = pair.slice(0, Math.max(0, equals)).trim().toLowerCase();
    if (name === '') return 'must be name=value pairs with commas between them';
    if (OWN_HEADER.test(name)) return 'must not name a header that the protocol sets itself';
    try {
      const value = decodeURIComponent(pair.slice(equals + 1).trim());
      validateHeaderName(name);
      validateHeaderValue(name, value);
      headers[name] = value;
    } catch {
      return 'must be headers that HTTP can send; other characters are written as %XX';
    }
  }
  return headers;
}

/** `https://app.example,https://other.example`, or `*`: what browsers put in `Origin`. */
function parseOrigins(text: string): readonly string[] | string {
  const origins = text.split(',').map((each) => each.trim());
  for (const origin of origins) {
    if (origin === '*' && origins.length === 1) continue;
    if (!URL.canParse(origin) || new URL(origin).origin !== origin) {
      return 'must be origins as browsers name them (https://app.example, without a path) with commas between them, or * alone';
    }
  }
  return origins;
}

function parseWebhookUrl(text: string): URL | string {
  const url = parseUrl(text);
  if (typeof url === 'string') return url;
  return url.username === '' && url.password === '' ? url : 'must hold no credentials';
}

function parseClickHouseUrl(text: string): URL | string {
  const url = parseUrl(text);
  if (typeof url === 'string') return url;
  const database = url.pathname.slice(1);
  if (database !== '' && !/^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(database)) {
    return 'the path must be one database name of letters, digits and underscores';
  }
  if (url.search !== '') return 'must have no ?parameters';
  return url;
}

const path = z
  .string('must be text')
  .min(1, 'must not be empty')
  .max(4_096, 'is longer than a path can be')
  .refine((text) => !text.includes('\0'), 'must not hold a NUL character');

const flag = z.preprocess(
  (value) => (value === '1' || value === 'true' ? true : value === '0' || value === 'false' ? false : value),
  z.boolean('must be 1 or 0'),
);

const authMode = z.string('must be text').transform((text, context): 'none' | 'token' => {
  if (text === 'none' || text === 'token') return text;
  context.addIssue({
    code: 'custom',
    message:
      text === 'oidc'
        ? 'oidc is not in this version of Docket; use token, or none on loopback'
        : 'must be none or token',
  });
  return z.NEVER;
});

/**
 * Every setting, keyed by its place in docket.yaml. The one schema that the file, the variables and the flags are
 * checked against.
 */
export const settingsSchema = z.strictObject({
  data_dir: path,
  'clickhouse.url': read(parseClickHouseUrl).nullable(),
  'listen.otlp_grpc': read<ListenAddress>(parseListenAddress),
  'listen.otlp_http': read<ListenAddress>(parseListenAddress),
  'listen.api': read<ListenAddress>(parseListenAddress),
  'otlp.request_max': read<number>((text) => parseByteSize(text, '64KiB', '64MiB')),
  'otlp.connection_age': read<number>((text) => parseDuration(text, '1s', '24h')),
  'otlp.keepalive': read<number>((text) => parseDuration(text, '1s', '24h')),
  'otlp.cors_origins': read(parseOrigins).nullable(),
  'spool.max': read<number>((text) => parseByteSize(text, '64MiB', '4096GiB')),
  policy: path.nullable(),
  'forward.url': read(parseForwardUrl).nullable(),
  'forward.headers': read(parseHeaders).nullable(),
  'anchor.webhook': read<URL>(parseWebhookUrl).nullable(),
  'auth.mode': authMode,
  'auth.tokens': path.nullable(),
  'auth.dangerously_allow_open': flag,
  'log.level': z.enum(LOG_LEVELS, `must be one of ${LOG_LEVELS.join(', ')}`),
  'retention.telemetry': read<number>(parseRetention),
  catalogue: path.nullable(),
  'telemetry.otlp_url': read(parseUrl).nullable(),
});

export type Settings = z.output<typeof settingsSchema>;
export type SettingName = keyof Settings;
/** The settings that passed on their own. */
export type PartialSettings = { readonly [name in SettingName]?: Settings[name] | undefined };

export interface SettingSource {
  /** The environment variable. */
  readonly variable: string;
  /** The command-line flag of `docket serve`. */
  readonly flag: string;
  readonly default: string | boolean | null;
  /** Holds a password: shown as `[set]`, never quoted in a problem. */
  readonly secret: boolean;
  /** Relative values are resolved against where they were written. */
  readonly path: boolean;
}

function source(
  variable: string,
  fallback: string | boolean | null,
  traits: { readonly secret?: boolean; readonly path?: boolean } = {},
): SettingSource {
  const flagName = variable.slice('DOCKET_'.length).toLowerCase().replaceAll('_', '-');
  return {
    variable,
    flag: `--${flagName}`,
    default: fallback,
    secret: traits.secret ?? false,
    path: traits.path ?? false,
  };
}

/** Where each setting can come from besides docket.yaml. */
export const SETTING_SOURCES: Readonly<Record<SettingName, SettingSource>> = {
  data_dir: source('DOCKET_DATA_DIR', './data', { path: true }),
  'clickhouse.url': source('DOCKET_CLICKHOUSE_URL', null, { secret: true }),
  'listen.otlp_grpc': source('DOCKET_OTLP_GRPC', '127.0.0.1:4317'),
  'listen.otlp_http': source('DOCKET_OTLP_HTTP', '127.0.0.1:4318'),
  'listen.api': source('DOCKET_API', '127.0.0.1:8400'),
  'otlp.request_max': source('DOCKET_OTLP_REQUEST_MAX', '64MiB'),
  'otlp.connection_age': source('DOCKET_OTLP_CONNECTION_AGE', '15m'),
  'otlp.keepalive': source('DOCKET_OTLP_KEEPALIVE', '60s'),
  'otlp.cors_origins': source('DOCKET_OTLP_CORS_ORIGINS', null),
  'spool.max': source('DOCKET_SPOOL_MAX', '4GiB'),
  policy: source('DOCKET_POLICY', null, { path: true }),
  'forward.url': source('DOCKET_FORWARD_URL', null, { secret: true }),
  'forward.headers': source('DOCKET_FORWARD_HEADERS', null, { secret: true }),
  'anchor.webhook': source('DOCKET_ANCHOR_WEBHOOK', null, { secret: true }),
  'auth.mode': source('DOCKET_AUTH', 'none'),
  'auth.tokens': source('DOCKET_AUTH_TOKENS', null, { path: true }),
  'auth.dangerously_allow_open': source('DOCKET_DANGEROUSLY_ALLOW_OPEN', false),
  'log.level': source('DOCKET_LOG_LEVEL', 'info'),
  'retention.telemetry': source('DOCKET_RETENTION_TELEMETRY', '30d'),
  catalogue: source('DOCKET_CATALOGUE', null, { path: true }),
  'telemetry.otlp_url': source('DOCKET_TELEMETRY_OTLP_URL', null, { secret: true }),
};

/**
 * Variables of Docket's that are no settings of the service: where the file is, what command-line clients use, and the key
 * that a policy may name.
 */
export const OTHER_VARIABLES = ['DOCKET_CONFIG', 'DOCKET_URL', 'DOCKET_TOKEN', 'DOCKET_HMAC_KEY'] as const;

export const SETTING_NAMES: readonly SettingName[] = settingsSchema.keyof().options;

/** What is wrong between settings that are each right. Settings that failed on their own are absent from `settings`. */
export function crossFieldProblems(
  settings: PartialSettings,
): readonly { readonly setting: SettingName; readonly message: string }[] {
  const problems: { setting: SettingName; message: string }[] = [];
  const listeners = (['listen.otlp_grpc', 'listen.otlp_http', 'listen.api'] as const).flatMap((name) => {
    const address = settings[name];
    return address ? [{ name, address }] : [];
  });
  const taken = new Map<string, SettingName>();
  for (const { name, address } of listeners) {
    const text = formatListenAddress(address);
    const other = taken.get(text);
    if (address.port !== 0 && other !== undefined) {
      problems.push({ setting: name, message: `${text} is already taken by ${other}` });
    }
    taken.set(text, name);
  }
  if (settings['auth.mode'] === 'none' && settings['auth.dangerously_allow_open'] === false) {
    for (const { name, address } of listeners) {
      if (isLoopback(address.host)) continue;
      problems.push({
        setting: name,
        message:
          `${formatListenAddress(address)} can be reached from other machines while auth is none; ` +
          'set auth.mode to token, listen on 127.0.0.1, or set DOCKET_DANGEROUSLY_ALLOW_OPEN=1',
      });
    }
  }
  if (settings['auth.mode'] === 'token' && settings['auth.tokens'] === null) {
    problems.push({
      setting: 'auth.tokens',
      message: 'auth.mode token needs a token file (auth.tokens or DOCKET_AUTH_TOKENS)',
    });
  }
  return problems;
}
