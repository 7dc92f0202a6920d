import { expect, test } from 'vitest';
import { createLogger } from '../telemetry/logger.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { parsePolicy } from './policy-file.ts';
import { treatmentOf } from './policy.ts';
import { createRedactor, type Redactor } from './redactor.ts';

// What each setting of a policy file does to text: a setting that does nothing would pass the tests of the file's form.

function redactorOf(policy: string): Redactor {
  return createRedactor({
    policy: parsePolicy(`version: 1\nid: p\n${policy}`, 'p.yaml'),
    fingerprintKey: Buffer.alloc(32, 7),
    fingerprintKeyId: 'k1',
    meter: createMetrics().meter,
    logger: createLogger('silent'),
  });
}

const typed = (policy: string, text: string, key = ''): string => redactorOf(policy).redactText(text, { key }).text;

test.each(['balanced', 'open'])('private addresses stay and public ones go with preset %s', (preset) => {
  const policy = `preset: ${preset}\n`;
  expect(typed(policy, '10.2.3.4', 'server.address')).toBe('10.2.3.4');
  expect(typed(policy, 'look at pod 10.244.3.4')).toBe('look at pod 10.244.3.4');
  expect(typed(policy, '{"peer":"10.244.3.4","dns":"8.8.4.4"}')).toMatch(
    /^\{"peer":"10\.244\.3\.4","dns":"\[redacted:ip-address~/,
  );
  expect(typed(policy, '8.8.4.4', 'server.address')).toMatch(/^\[redacted:ip-address~/);
});

test('private addresses go with preset strict, and where the policy says so', () => {
  expect(typed('preset: strict\n', 'look at pod 10.244.3.4')).toMatch(/^look at pod \[redacted:/);
  expect(typed('actions: {private_addresses: redact}\n', 'look at pod 10.244.3.4')).toMatch(/^look at pod \[redacted:/);
  expect(typed('preset: strict\nactions: {private_addresses: keep}\n', 'look at pod 10.244.3.4')).toBe(
    'look at pod 10.244.3.4',
  );
});

test('the user and password of a URL go as a whole, and parameters that are not allowed', () => {
  const policy = 'preset: open\nurls: {userinfo: redact, query: {allow: [page, region]}}\n';
  const url = typed(policy, 'GET https://bob:pw@shop.example/cart?page=2&basket=blue&region=eu#top done');
  expect(url).toMatch(
    /^GET https:\/\/\[redacted:url-userinfo~\w+\]@shop\.example\/cart\?page=2&basket=\[redacted:url-query~\w+\]&region=eu#top done$/,
  );
  expect(typed(policy, 'page=2&basket=blue', 'url.query')).toMatch(/^page=2&basket=\[redacted:url-query~\w+\]$/);
  expect(typed(policy, '/cart?basket=blue', 'http.target')).toMatch(/^\/cart\?basket=\[redacted:url-query~\w+\]$/);
  expect(typed(policy, '{"u":"http:\\/\\/x.example\\/?basket=blue"}')).not.toContain('blue');
  expect(typed(policy, '{"u":"http://x.example/?basket=blue"}')).not.toContain('blue');
  expect(typed('preset: open\n', '/cart?basket=blue')).toBe('/cart?basket=blue');
});

test('literals of SQL go and its structure stays', () => {
  const policy = 'preset: open\nsql: {literals: redact}\n';
  const out = typed(
    policy,
    `SELECT "u"."name", t1.x FROM users u WHERE city = 'Ulm''s' AND age > 42 AND note = "blue" LIMIT $1 -- for bob`,
    'db.query.text',
  );
  expect(out.replaceAll(/\[redacted:sql-literal~\w+\]/g, '#')).toBe(
    `SELECT "u"."name", t1.x FROM users u WHERE city = '#' AND age > # AND note = "#" LIMIT $1 #`,
  );
  const insert = typed(policy, `{"q":"INSERT INTO t (a) VALUES ('violet', \\"blue\\", 7)"}`);
  expect(insert.replaceAll(/\[redacted:sql-literal~\w+\]/g, '#')).toBe(
    `{"q":"INSERT INTO t (a) VALUES ('#', \\"#\\", #)"}`,
  );
  expect(typed(policy, "SELECT a FROM t WHERE b = 'cut off")).not.toContain('cut off');
  expect(typed(policy, "it's 5 o'clock")).toBe("it's 5 o'clock");
});

test('what is taken out of URLs and SQL stays out on a second pass, unchanged', () => {
  const redactor = redactorOf('preset: open\nurls: {userinfo: redact, query: {allow: []}}\nsql: {literals: redact}\n');
  for (const text of ['https://bob:pw@x.example/?a=blue', "SELECT a FROM t WHERE b = 'violet' AND c = 7 -- x"]) {
    const once = redactor.redactText(text).text;
    expect(once).not.toBe(text);
    expect(redactor.redactText(once)).toEqual({ text: once, redactions: [] });
  }
});

test('replace is redact, and scan is scrub', () => {
  expect(typed('preset: open\nactions: {pii: {do: replace}}\n', 'jane@acme.com')).toMatch(/^\[redacted:email~/);
  const rules = parsePolicy(
    'version: 1\nid: a\ncontent:\n  - match: {class: [messages.*]}\n    action: scan\n',
    'p',
  ).rules;
  expect(treatmentOf(rules, 'messages.input', 'gen_ai.input.messages', '').action).toBe('scrub');
});

test('a tenant extends the policy or another tenant', () => {
  const redactor = redactorOf(
    'preset: open\nkeys: {redact: [internal_note]}\ntenants:\n' +
      '  acme: {extends: p, keys: {redact: [customer_note]}}\n  acme-test: {extends: acme, keys: {redact: [test_note]}}\n',
  );
  const out = (tenant: string, name: string): string => redactor.redactText(`{"${name}":"blue"}`, { tenant }).text;
  for (const name of ['internal_note', 'customer_note', 'test_note'])
    expect(out('acme-test', name)).not.toContain('blue');
  expect(out('acme', 'internal_note')).not.toContain('blue');
  expect(out('acme', 'customer_note')).not.toContain('blue');
  expect(out('acme', 'test_note')).toContain('blue');
  expect(out('other', 'internal_note')).not.toContain('blue');
  expect(out('other', 'customer_note')).toContain('blue');
});

test('a pseudonym shows as many bits as the policy says, the same for the same value', () => {
  const policy = 'preset: open\npseudonyms: {bits: 64, stable: tenant}\nactions: {pii: {do: pseudonym}}\n';
  const out = typed(policy, 'jane@acme.com');
  expect(out).toMatch(/^\[pseudonym:email hmac:k1:[0-9a-f]{16}~\w+\]$/);
  expect(typed(policy, 'jane@acme.com')).toBe(out);
});
