import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { describeConfig } from './describe.ts';
import { loadConfig, type ConfigOverrides, type DocketConfig, type LoadConfigResult } from './load-config.ts';

let cwd = '';
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'docket-config-'));
});
afterEach(() => {
  rmSync(cwd, { recursive: true, force: true });
});

function load(env: Record<string, string> = {}, overrides: ConfigOverrides = {}): LoadConfigResult {
  return loadConfig({ env, cwd, overrides });
}

function problemsOf(result: LoadConfigResult): string[] {
  return result.kind === 'invalid' ? result.problems.map(({ where, message }) => `${where}: ${message}`) : [];
}

function configOf(result: LoadConfigResult): DocketConfig {
  if (result.kind === 'invalid') throw new Error(problemsOf(result).join('\n'));
  return result.config;
}

function yaml(text: string, name = 'docket.yaml'): void {
  writeFileSync(join(cwd, name), text);
}

describe('problems', () => {
  test.each(['- ', '[', '{a: ', '? '])(
    'a file of fifty thousand "%s" within one another is refused with its line',
    (open) => {
      yaml(`data_dir: x\nlog:\n  ${open.repeat(50_000)}\n`);
      expect(problemsOf(load())).toEqual([expect.stringMatching(/^docket\.yaml:3:\d+: nests deeper than 64 levels$/)]);
    },
  );

  test('a token file of deep lists is refused with its line', () => {
    yaml(`version: 1\ntokens: ${'['.repeat(50_000)}\n`, 'tokens.yaml');
    expect(problemsOf(load({ DOCKET_AUTH: 'token', DOCKET_AUTH_TOKENS: 'tokens.yaml' }))).toEqual([
      expect.stringMatching(/tokens\.yaml:2:\d+: nests deeper than 64 levels$/),
    ]);
  });

  test('all problems of file and variables are listed at once, each with its place', () => {
    yaml('data_dirr: x\nlisten:\n  api: 127.0.0.1\n  http: 1\nlog:\n  level: loud\n');
    expect(problemsOf(load({ DOCKET_RETENTION_TELEMETRY: 'forever', DOCKET_CLICKHOSE_URL: 'x' }))).toEqual([
      'docket.yaml:1:1: unknown key "data_dirr", did you mean data_dir?',
      'docket.yaml:4:3: unknown key "listen.http"',
      'DOCKET_CLICKHOSE_URL: unknown variable, did you mean DOCKET_CLICKHOUSE_URL?',
      'docket.yaml:3:8: listen.api: must be host:port, for example 127.0.0.1:8400',
      'docket.yaml:6:10: log.level: must be one of trace, debug, info, warn, error, fatal, silent',
      'DOCKET_RETENTION_TELEMETRY: retention.telemetry: must be a number with h, d or w, for example 30d',
    ]);
  });

  test('a wrong URL with a password is refused without being quoted', () => {
    const problems = problemsOf(load({ DOCKET_CLICKHOUSE_URL: 'ftp://me:hunter2@host/db' }));
    expect(problems).toEqual(['DOCKET_CLICKHOUSE_URL: clickhouse.url: must start with http:// or https://']);
    expect(problems.join()).not.toContain('hunter2');
  });

  test.each([
    ['a: [1', /^docket\.yaml:1:\d+: /],
    ['data_dir: a\ndata_dir: b\n', /^docket\.yaml:2:1: /],
    ['- a\n', /the file must be a mapping/],
    ['data_dir: {a: 1}\n', /data_dir: must be a single value/],
    ['data_dir: "a\\0b"\n', /data_dir: must not hold a NUL character/],
    ['listen: 4317\n', /listen: must be a mapping of settings/],
    ['__proto__: {x: 1}\n', /unknown key "__proto__"/],
    ['listen:\n  __proto__: 1\n', /unknown key "listen\.__proto__"/],
    ['data_dir: &a x\npolicy: *a\n', /aliases are not taken/],
    ['1: x\n', /a key must be text/],
  ])('the file %j is refused', (text, problem) => {
    yaml(text);
    expect(problemsOf(load()).join('\n')).toMatch(problem);
  });

  test('a file that DOCKET_CONFIG names must be there', () => {
    expect(problemsOf(load({ DOCKET_CONFIG: 'none.yaml' }))).toEqual(['none.yaml: cannot be read (ENOENT)']);
    expect(problemsOf(load({ DOCKET_CONFIG: '.' }))).toEqual(['.: is not a file']);
  });

  test('a pipe in place of a file is refused and not waited for', () => {
    execFileSync('mkfifo', [join(cwd, 'pipe')]);
    // In a process of its own: what waited would hold up this one for ever.
    const source = `import { readYamlFile } from './src/config/yaml-file.ts';
console.log(JSON.stringify(readYamlFile(process.argv[1], 'pipe')));`;
    const told = execFileSync('node', ['--import', 'tsx', '--input-type=module', '-e', source, join(cwd, 'pipe')], {
      encoding: 'utf8',
      timeout: 20_000,
    });
    expect(JSON.parse(told)).toEqual([{ where: 'pipe', message: 'is not a file' }]);
  });

  test.each([
    ['0.0.0.0:8400', /can be reached from other machines while auth is none/],
    ['[::]:8400', /can be reached from other machines/],
    ['example.internal:8400', /can be reached from other machines/],
    [':8400', /must name a host/],
    ['::1:8400', /must be|brackets/],
    ['127.1:8400', /not a complete IPv4 address/],
    ['127.0.0.1:70000', /between 0 and 65535/],
    ['127.0.0.1:4317', /already taken by listen\.otlp_grpc/],
  ])('the listener %s is refused', (address, problem) => {
    expect(problemsOf(load({ DOCKET_API: address })).join('\n')).toMatch(problem);
  });

  test('oidc is refused as not in this version', () => {
    expect(problemsOf(load({ DOCKET_AUTH: 'oidc' })).join()).toMatch(/not in this version/);
  });

  test('token mode without a token file is refused', () => {
    expect(problemsOf(load({ DOCKET_AUTH: 'token' })).join()).toMatch(/needs a token file/);
  });

  test('a token file is checked and its values are not quoted', () => {
    yaml('version: 1\ntokens:\n  - name: a\n    kind: agent\n    sha256: plain-secret\n    sha: x\n', 'tokens.yaml');
    const problems = problemsOf(load({ DOCKET_AUTH: 'token', DOCKET_AUTH_TOKENS: 'tokens.yaml' }));
    expect(problems.join('\n')).toMatch(/tokens\.yaml:3:\d+: sha256: must be the SHA-256/);
    expect(problems.join('\n')).toMatch(/unknown key in a token/);
    expect(problems.join('\n')).not.toContain('plain-secret');
  });

  test.each(['x', '-1', '65534', '1.5', ''])('the port base %j is refused', (portBase) => {
    expect(problemsOf(load({}, { portBase })).join()).toMatch(/^--port-base: must be a whole number/);
  });
});

describe('values', () => {
  test('without any source the defaults hold', () => {
    const config = configOf(load());
    expect(config).toEqual({
      dataDir: join(cwd, 'data'),
      catalogue: { path: null },
      clickhouse: { url: null },
      listen: {
        otlpGrpc: { host: '127.0.0.1', port: 4317 },
        otlpHttp: { host: '127.0.0.1', port: 4318 },
        api: { host: '127.0.0.1', port: 8400 },
      },
      otlp: { requestBytesMax: 64 * 1024 ** 2, connectionAgeMs: 900_000, keepaliveMs: 60_000, corsOrigins: [] },
      spool: { bytesMax: 4 * 1024 ** 3 },
      policy: { file: null },
      forward: { url: null, headers: {} },
      anchor: { webhook: null },
      auth: { file: null, mode: 'none', tokens: [], dangerouslyAllowOpen: false },
      log: { level: 'info' },
      retention: { telemetrySeconds: 30 * 86_400 },
      telemetry: { otlpUrl: null },
    });
  });

  test('the configuration cannot be changed', () => {
    const config = configOf(load());
    expect(() => Object.assign(config.listen.api, { port: 1 })).toThrow(TypeError);
  });

  test('flags win over variables, variables over the file, the file over defaults', () => {
    yaml('data_dir: from-file\nlog:\n  level: debug\nretention:\n  telemetry: 7d\n');
    const result = load(
      { DOCKET_DATA_DIR: 'from-variable', DOCKET_LOG_LEVEL: 'warn', DOCKET_POLICY: '' },
      { settings: { 'log.level': 'error' } },
    );
    const config = configOf(result);
    expect(config.dataDir).toBe(join(cwd, 'from-variable'));
    expect(config.log.level).toBe('error');
    expect(config.retention.telemetrySeconds).toBe(7 * 86_400);
    expect(config.policy.file).toBeNull();
  });

  test('a path in the file is relative to the file', () => {
    yaml('data_dir: ../there\n');
    expect(configOf(loadConfig({ env: { DOCKET_CONFIG: join(cwd, 'docket.yaml') }, cwd: '/' })).dataDir).toBe(
      join(cwd, '..', 'there'),
    );
  });

  test('a port base changes the three ports and keeps the hosts', () => {
    expect(configOf(load({ DOCKET_API: '[::1]:9' }, { portBase: '5000' })).listen).toEqual({
      otlpGrpc: { host: '127.0.0.1', port: 5000 },
      otlpHttp: { host: '127.0.0.1', port: 5001 },
      api: { host: '::1', port: 5002 },
    });
    expect(Object.values(configOf(load({}, { portBase: '0' })).listen).map(({ port }) => port)).toEqual([0, 0, 0]);
  });

  test('an open listener starts when it is allowed by name', () => {
    const env = { DOCKET_API: '0.0.0.0:8400', DOCKET_DANGEROUSLY_ALLOW_OPEN: '1' };
    expect(configOf(load(env)).listen.api.host).toBe('0.0.0.0');
  });

  test('with tokens a listener may be open', () => {
    const sha256 = createHash('sha256').update('t').digest('hex');
    yaml(`version: 1\ntokens:\n  - {name: sre-agent, kind: agent, sha256: ${sha256}}\n`, 'tokens.yaml');
    const env = { DOCKET_AUTH: 'token', DOCKET_AUTH_TOKENS: 'tokens.yaml', DOCKET_API: '0.0.0.0:8400' };
    expect(configOf(load(env)).auth.tokens).toEqual([
      { name: 'sre-agent', kind: 'agent', tenant: 'default', id: null, sha256 },
    ]);
  });

  test('an empty file changes nothing', () => {
    yaml('# nothing yet\n');
    expect(configOf(load()).log.level).toBe('info');
  });
});

test('the forward URL speaks HTTP or gRPC and holds no credentials', () => {
  for (const url of [
    'http://collector:4318',
    'https://collector/otlp',
    'grpc://collector:4317',
    'grpcs://[::1]:4317',
  ]) {
    expect(load({ DOCKET_FORWARD_URL: url }).kind, url).toBe('loaded');
  }
  for (const url of [
    'ftp://collector',
    'collector:4317',
    'grpc://u:p@collector:4317',
    'https://collector/?key=hunter3',
  ]) {
    const result = load({ DOCKET_FORWARD_URL: url });
    expect(result.kind, url).toBe('invalid');
    if (result.kind === 'invalid') expect(problemsOf(result).join()).not.toMatch(/hunter3|u:p/);
  }
});

test('a port in the forward URL stays, also the one of its scheme', () => {
  for (const url of ['https://collector:443/otlp', 'http://collector:80', 'grpcs://collector:443']) {
    expect(configOf(load({ DOCKET_FORWARD_URL: url })).forward.url).toBe(url);
  }
});

test('forward headers are read as exporters read theirs', () => {
  const headers = 'Authorization=Bearer%20hunter2, x-scope-orgid = a=b';
  expect(configOf(load({ DOCKET_FORWARD_HEADERS: headers })).forward.headers).toEqual({
    authorization: 'Bearer hunter2',
    'x-scope-orgid': 'a=b',
  });
  for (const wrong of [
    'hunter2',
    '=hunter2',
    'a b=hunter2',
    'a=hunter2%',
    'a=hunter2%0a',
    'content-type=hunter2',
    'a-bin=hunter2',
    'a=1,',
  ]) {
    expect(problemsOf(load({ DOCKET_FORWARD_HEADERS: wrong })).join()).toMatch(/^DOCKET_FORWARD_HEADERS: [^2]+$/);
  }
});

test('limits of intake and spool are sizes, times and origins, each within bounds', () => {
  yaml('otlp:\n  request_max: 512KiB\n  connection_age: 2h\n  keepalive: 30s\nspool:\n  max: 100GiB\n');
  expect(configOf(load({ DOCKET_OTLP_CORS_ORIGINS: 'https://app.example, http://localhost:3000' }))).toMatchObject({
    otlp: {
      requestBytesMax: 512 * 1024,
      connectionAgeMs: 7_200_000,
      keepaliveMs: 30_000,
      corsOrigins: ['https://app.example', 'http://localhost:3000'],
    },
    spool: { bytesMax: 100 * 1024 ** 3 },
  });
  expect(configOf(load({ DOCKET_OTLP_CORS_ORIGINS: '*' })).otlp.corsOrigins).toEqual(['*']);
});

test.each([
  ['DOCKET_OTLP_REQUEST_MAX', '65MiB', /between 64KiB and 64MiB/],
  ['DOCKET_OTLP_REQUEST_MAX', '1000', /KiB, MiB or GiB/],
  ['DOCKET_OTLP_REQUEST_MAX', '0KiB', /between/],
  ['DOCKET_OTLP_CONNECTION_AGE', '15', /s, m or h/],
  ['DOCKET_OTLP_CONNECTION_AGE', '25h', /between 1s and 24h/],
  ['DOCKET_OTLP_KEEPALIVE', '0s', /between/],
  ['DOCKET_OTLP_CORS_ORIGINS', 'app.example', /as browsers name them/],
  ['DOCKET_OTLP_CORS_ORIGINS', 'https://app.example/', /without a path/],
  ['DOCKET_OTLP_CORS_ORIGINS', 'https://app.example,*', /\* alone/],
  ['DOCKET_SPOOL_MAX', '1MiB', /between 64MiB and 4096GiB/],
])('%s %s is refused', (variable, value, problem) => {
  expect(problemsOf(load({ [variable]: value })).join('\n')).toMatch(problem);
});

test('the description shows value and origin, and no password', () => {
  yaml('clickhouse:\n  url: http://docket:hunter2@ch:8123/docket\n');
  const result = load({
    DOCKET_FORWARD_URL: 'https://collector:4318/otlp',
    DOCKET_FORWARD_HEADERS: 'authorization=hunter4',
    DOCKET_ANCHOR_WEBHOOK: 'https://hooks.example/services/hunter5',
    DOCKET_LOG_LEVEL: 'debug',
  });
  if (result.kind === 'invalid') throw new Error(problemsOf(result).join('\n'));
  const text = describeConfig(result.origins);
  expect(text).toMatch(/^clickhouse\.url +http:\/\/\[set\]@ch:8123\/docket +docket\.yaml:2:8$/m);
  expect(text).toMatch(/^log\.level +debug +DOCKET_LOG_LEVEL$/m);
  expect(text).toMatch(/^listen\.api +127\.0\.0\.1:8400 +default$/m);
  expect(text).toMatch(/^anchor\.webhook +https:\/\/hooks\.example\/\[set\] +DOCKET_ANCHOR_WEBHOOK$/m);
  expect(text).not.toMatch(/hunter/);
});

test.each(['grpc://collector:4317/otlp', 'grpcs://collector/otlp', 'http://collector:4317/v1'])(
  'a gRPC endpoint to forward to has no path: %s',
  (url) => {
    expect(problemsOf(load({ DOCKET_FORWARD_URL: url }))).toEqual([
      'DOCKET_FORWARD_URL: forward.url: must have no path: it means gRPC (grpc://, or port 4317)',
    ]);
  },
);
