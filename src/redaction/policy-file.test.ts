import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadPolicy, parsePolicy, PolicyError } from './policy-file.ts';

function problems(text: string): string[] {
  try {
    parsePolicy(text, 'p.yaml');
  } catch (error) {
    if (error instanceof PolicyError) return error.problems.map((each) => `${each.at}: ${each.message}`);
    throw error;
  }
  return [];
}

test('an unknown field is refused with its line', () => {
  expect(problems('version: 1\nid: a\nkeys:\n  redcat: [x]\n')).toEqual([
    'p.yaml:4: keys.redcat: there is no such field',
  ]);
});

test('all problems are listed at once', () => {
  const found = problems('version: 2\nid: a\ncontent:\n  - attr: [x]\n    action: eat\n');
  expect(found.map((each) => each.split(':')[1])).toEqual(['1', '5']);
});

test('a pattern no engine can run is refused with its line', () => {
  expect(problems('version: 1\nid: a\nkeys:\n  redact:\n    - "ok"\n    - "(a)\\\\1"\n')[0]).toMatch(/^p\.yaml:6: /);
});

test('a pattern that would backtrack badly runs in linear time', () => {
  const policy = parsePolicy('version: 1\nid: a\nkeys:\n  redact: ["(a+)+$"]\n', 'p.yaml');
  expect(policy.rules.redactKeys[0]?.(`${'a'.repeat(2000)}!`)).toBe(false);
});

test('a missing file is a problem and not a reason to go on without it', () => {
  expect(() => loadPolicy('/nonexistent/policy.yaml')).toThrow(PolicyError);
});

test('a folder or a pipe in place of the policy is named and not waited for', () => {
  const folder = mkdtempSync(join(tmpdir(), 'docket-policy-'));
  try {
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    // What writes to it and ends lets a read that waits go on, so that a failure ends too.
    const writer = spawn('sh', ['-c', 'sleep 2; echo "version: 1" > "$0"', pipe], { stdio: 'ignore' });
    for (const path of [folder, pipe]) {
      expect(() => loadPolicy(path)).toThrow(
        expect.objectContaining({ problems: [{ at: path, message: 'is not a file' }] }),
      );
    }
    writer.kill();
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('the version changes with the content and not with its comments', () => {
  const version = (text: string): string => parsePolicy(text, 'p.yaml').version;
  expect(version('version: 1\nid: a\n')).toBe(version('# note\nid: a\nversion: 1\n'));
  expect(version('version: 1\nid: a\n')).not.toBe(version('version: 1\nid: a\npreset: open\n'));
});

test.each([
  ['on_error: keep_all', 'on_error: only redact_all'],
  ['actions: {pii: {do: pseudonym, stable: day}}', 'actions.pii.stable: '],
  ['tenants: {acme: {extends: nobody}}', "tenants.acme.extends: neither this policy's id nor a tenant in it"],
  ['tenants: {x: {extends: y}, y: {extends: x}}', 'extends: a tenant cannot extend itself'],
  ['tenants: {a: {}}\noverrides: [{match: {tenant: [a]}}]', 'tenants: use either tenants or overrides'],
  ['content: [{match: {attr: [x]}, tool: [y], action: scan}]', 'content.0: class, attr and tool stand under match'],
  ['pseudonyms: {key_env: "a b"}', 'pseudonyms.key_env: the name of an environment variable'],
  ['pseudonyms: {key_env: NO_SUCH_KEY}', 'pseudonyms.key_env: the variable NO_SUCH_KEY is not set'],
  ['pseudonyms: {key_id: k1}', 'pseudonyms: key_id names the key in the variable of key_env'],
  ['unknown_tenants: withhold', 'unknown_tenants: goes with tenants'],
  ['content: [{attr: [x]}]', 'content.0: give an action, or roles'],
  ['content: [{attr: [x], roles: {user: keep}}]', 'content.0.roles.user: one of scan'],
  ['content: [{attr: [x], roles: {robot: scan}}]', 'content.0.roles.robot: there is no such field'],
  ['content: [{attr: [x], action: withhold, keep_keys: [a]}]', 'content.0: keep_keys goes with action scan'],
  ['content: [{action: scan}]', 'content.0: name what the rule is about'],
  ['content: [{match: {}, action: scan}]', 'content.0.match: name what the rule is about'],
])('%s is refused in a sentence', (line, sentence) => {
  const found = problems(`version: 1\nid: a\n${line}\n`);
  expect(found[0]).toMatch(/^p\.yaml:[34]: /);
  expect(found.join('\n')).toContain(sentence);
});

test('on_error: redact_all says what is always done', () => {
  expect(problems('version: 1\nid: a\non_error: redact_all\n')).toEqual([]);
});

test('a key in a variable that is no key is refused without any of it', () => {
  const policy = 'version: 1\nid: a\npseudonyms: {key_env: K}\n';
  for (const [value, sentence] of [
    ['hunter2 hunter2 hunter2', 'holds neither hex nor base64'],
    ['c2hvcnQ=', 'holds 5 bytes; a key has 16 to 64'],
    ['', 'is not set'],
  ] as const) {
    const refused = (() => {
      try {
        parsePolicy(policy, 'p.yaml', { K: value });
      } catch (error) {
        if (error instanceof PolicyError) return error.message;
      }
      return '';
    })();
    expect(refused).toBe(
      `the redaction policy is not valid:\np.yaml:3: pseudonyms.key_env: the variable K ${sentence}`,
    );
  }
});

test('another key is another policy, by name alone', () => {
  const version = (K: string): string =>
    parsePolicy('version: 1\nid: a\npseudonyms: {key_env: K}\n', 'p.yaml', { K }).version;
  expect(version('00'.repeat(32))).toBe(version(Buffer.alloc(32).toString('base64')));
  expect(version('00'.repeat(32))).not.toBe(version('01'.repeat(32)));
});

test('a policy with more patterns or tenants than can be loaded at once is refused', () => {
  const patterns = Array.from({ length: 200 }, (_, index) => `"^a${index}$"`).join();
  const rule = `  - {attr: [${patterns}], action: scan}\n`;
  const found = problems(`version: 1\nid: a\ncontent:\n${rule.repeat(30)}`);
  expect(found).toEqual(['p.yaml:24: a policy has at most 4096 patterns']);
  const tenants = Array.from({ length: 1_025 }, (_, index) => `  t${index}: {}\n`).join('');
  expect(problems(`version: 1\nid: a\ntenants:\n${tenants}`)).toEqual(['p.yaml:3: tenants: at most 1024 tenants']);
});

test('a file that is no YAML at all names its first problems, each once, and an alias its line', () => {
  const found = problems(`version: 1\nid: a\nkeys: ${'['.repeat(100_000)}`);
  expect(found.length).toBeGreaterThan(0);
  expect(found.length).toBeLessThanOrEqual(101);
  expect(new Set(found).size).toBe(found.length);
  expect(problems('version: 1\nid: a\nkeys:\n  redact: &x [a]\n  ignore: *x\n')).toEqual([
    'p.yaml:5: aliases are not allowed',
  ]);
});
