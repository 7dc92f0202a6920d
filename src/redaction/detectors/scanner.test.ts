import { performance } from 'node:perf_hooks';

import { array, assert as assertProperty, constantFrom, oneof, property, string } from 'fast-check';
import { describe, expect, test } from 'vitest';

import { builtinRules } from './builtin-rules.ts';
import { identityNumbers } from './identity-number.ts';
import { isBase58Check, personalRuleIds } from './personal-number.ts';
import { sampleOf } from './rules/prefixed.ts';
import type { Finding } from './finding.ts';
import { createScanner, structuralRuleIds } from './scanner.ts';

const scanner = createScanner({ budgetMs: 10_000 });
const secret = sampleOf('alnum', 40, 3);

function scan(text: string, key = ''): readonly Finding[] {
  const result = scanner.scan(text, { key });
  expect(result.status).toBe('ok');
  return result.findings;
}

/** The text with every finding replaced, as the redactor would. */
function redact(text: string, key = ''): string {
  let out = '';
  let done = 0;
  for (const each of scan(text, key)) {
    expect(each.start).toBeGreaterThanOrEqual(done);
    expect(each.end).toBeGreaterThan(each.start);
    out += `${text.slice(done, each.start)}[redacted:${each.rule}]`;
    done = each.end;
  }
  return out + text.slice(done);
}

test('at least 250 kinds of secrets have a rule', () => {
  const kinds = new Set(builtinRules.filter((rule) => rule.class.startsWith('secret.')).map((rule) => rule.id));
  expect(kinds.size).toBeGreaterThanOrEqual(250);
});

test('rule ids are unique', () => {
  const ids = builtinRules.map((rule) => rule.id);
  expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([]);
});

describe('every rule', () => {
  test.each(builtinRules.map((rule) => [rule.id, rule] as const))('%s meets its own examples', (_id, rule) => {
    const others = new Set(
      [
        ...builtinRules.map((each) => each.id),
        ...structuralRuleIds,
        ...personalRuleIds,
        ...identityNumbers.map((each) => each.id),
      ].filter((each) => each !== rule.id),
    );
    const alone = createScanner({ disabledRules: others, budgetMs: 10_000 });
    const found = (text: string): boolean =>
      alone.scan(text, { key: '' }).findings.some((each) => each.rule === rule.id);
    for (const hit of rule.examples.hit) {
      expect(found(hit), `no finding in ${hit}`).toBe(true);
    }
    for (const miss of rule.examples.miss) expect(found(miss), `finding in ${miss}`).toBe(false);
    expect(rule.examples.hit.length).toBeGreaterThan(0);
    expect(rule.examples.miss.length).toBeGreaterThan(0);
  });
});

describe('keys and their values', () => {
  test.each([
    ['DB_PASSWORD=hunter2-x', 'hunter2-x'],
    ['{"api_key": "abcd-1234"}', 'abcd-1234'],
    ['{\\"password\\":\\"pa55-word\\"}', 'pa55-word'],
    ['{\\\\\\"x-api-key\\\\\\": \\\\\\"k-99-abc\\\\\\"}', 'k-99-abc'],
    ['{"name":"DB_PASSWORD","value":"orange-7"}', 'orange-7'],
    ['- name: API_TOKEN\n  value: orange-7-x9', 'orange-7-x9'],
    ['{"key":"client_secret","value":{"stringValue":"orange-7-x9"}}', 'orange-7-x9'],
    ['mysql --password hunter2 -h db', 'hunter2'],
    ['["--password", "hunter2"]', 'hunter2'],
    ['curl -u svc:hunter2 https://api.example', 'hunter2'],
    [`curl -H 'Authorization: Bearer ${secret}' https://api.example`, secret],
    [`X-Api-Key: ${secret}`, secret],
    ['<password>hunter2</password>', 'hunter2'],
    ['GET /x?access_token=k77-abc-01&page=2', 'k77-abc-01'],
    ['postgres://app:hunter2@db.example:5432/orders', 'hunter2'],
    [`Cookie: theme=dark; sid=${secret}`, secret],
    [`UPDATE users SET password = 'hunter2' WHERE id = 4711`, 'hunter2'],
    ["CREATE USER a IDENTIFIED BY 'hunter2'", 'hunter2'],
    [`userId=alice,auth=${secret},region=eu`, secret],
    ['password:\tp@ss w0rd-less', 'p@ss'],
    [`wandb ${sampleOf('hex', 40)}`, sampleOf('hex', 40)],
  ])('%s', (text, value) => {
    expect(redact(text)).not.toContain(value);
  });

  test('what stands around a value stays', () => {
    expect(redact('GET https://hooks.example/in?access_token=k77-abc-01&page=2&region=eu HTTP/1.1')).toBe(
      'GET https://hooks.example/in?access_token=[redacted:token-key]&page=2&region=eu HTTP/1.1',
    );
    expect(redact("UPDATE t SET secret = 'k77-abc-01' WHERE id = 4711")).toBe(
      "UPDATE t SET secret = '[redacted:secret-key]' WHERE id = 4711",
    );
  });

  test('a value found once is found wherever it stands again', () => {
    expect(redact(`token=${secret} then ${secret}`)).not.toContain(secret);
  });

  test.each([
    'max_tokens: 4096, total_tokens=1200, "completion_tokens": 17',
    '"key_name": "prod5zyxlmy-cmk", "key_vault_name": "web21prqodx24021"',
    'curl --user username:password https://api.example',
    'user id 000000000, batch 1111111111111',
    'password: ${DB_PASSWORD}',
    'api_key = os.environ["API_KEY"]',
    'token=<your token>',
    'secretName: payments-creds',
    'trace_id=4bf92f3577b34da6a3ce929d0e0e4736 span_id=00f067aa0ba902b7',
    'commit 545e958c0ffee0ddf00d545e958c0ffee0ddf00d',
    'pod checkout-7d9f8b6c5d-x2k4q restarted, request 9f762bfc-63e7-4ced-9d32-cfe41d0b6d6d',
    'image registry.example/api@sha256:5bb76bdc740b0e84c067f820bdf12c6b77cb5d950519746620fefd72a3728c59',
    '2026-11-22T10:11:12.123Z took 31ms, order 1164795857, version 1.42.0',
    'Set-Cookie: theme=dark; Path=/; SameSite=Lax',
    'the token was rejected because the key has expired',
  ])('no finding in %s', (text) => {
    expect(redact(text)).toBe(text);
  });
});

describe('personal data', () => {
  test.each([
    ['write to ann.lee+x@mail.example.org now', 'ann.lee+x@mail.example.org', 'email'],
    ['card 4111 1111 1111 1111 expires', '4111 1111 1111 1111', 'credit-card'],
    ['IBAN DE89 3704 0044 0532 0130 00.', 'DE89 3704 0044 0532 0130 00', 'iban'],
    ['call +49 30 901820 please', '+49 30 901820', 'phone'],
    ['from 10.20.30.40:5432', '10.20.30.40', 'ip-address'],
    ['peer 2001:db8::7334 closed', '2001:db8::7334', 'ip-address'],
    ['nic 00:1b:44:11:3a:b7 up', '00:1b:44:11:3a:b7', 'mac-address'],
    ['ssn 536-22-8726', '536-22-8726', 'us-ssn'],
    ['NIF 12345678Z', '12345678Z', 'es-nif'],
  ])('%s', (text, value, rule) => {
    const found = scan(text);
    expect(found.map((each) => text.slice(each.start, each.end))).toEqual([value]);
    expect(found[0]?.rule).toBe(rule);
  });

  test('a card number with a wrong check digit is no card', () => {
    expect(scan('sequence 4111111111111112')).toEqual([]);
  });

  test('a Bitcoin address carries its checksum', () => {
    expect(isBase58Check('1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa')).toBe(true);
    expect(isBase58Check('1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb')).toBe(false);
  });
});

describe('encodings', () => {
  const plain = `config password=hunter2-${sampleOf('alnum', 12)} end`;
  const value = `hunter2-${sampleOf('alnum', 12)}`;
  const forms: readonly (readonly [string, string])[] = [
    ['base64', Buffer.from(plain).toString('base64')],
    ['base64', Buffer.from(plain).toString('base64url')],
    ['base64', Buffer.from(`x${plain}`).toString('base64').replace(/=+$/, '')],
    ['base64', Buffer.from(`xy${plain}`).toString('base64')],
    ['hex', Buffer.from(plain).toString('hex')],
    ['percent', Array.from(plain, (c) => `%${c.charCodeAt(0).toString(16).padStart(2, '0')}`).join('')],
    ['unicode-escape', Array.from(plain, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')],
    ['html', Array.from(plain, (c) => `&#${c.charCodeAt(0)};`).join('')],
    ['zero-width', `config pass\u200bword=${value} end`],
    ['ansi', `config pass\u001b[31mword\u001b[0m=${value} end`],
    ['compatibility-form', plain.replace('password', 'ｐａｓｓｗｏｒｄ')],
  ];
  test.each(forms)('%s is opened and its carrier goes', (encoding, carrier) => {
    const text = `before ${carrier} after`;
    const found = scan(text).filter((each) => each.encodings.includes(encoding));
    expect(found.length).toBeGreaterThan(0);
    const left = redact(text);
    expect(left.startsWith('before ')).toBe(true);
    expect(left.endsWith(' after')).toBe(true);
    expect(left).not.toContain(value);
  });

  test('three layers are opened', () => {
    const inner = Buffer.from(JSON.stringify({ a: Buffer.from(plain).toString('base64') })).toString('base64');
    expect(scan(`{"body":"${inner}"}`)[0]?.encodings.slice(0, 2)).toEqual(['base64', 'base64']);
  });

  test('a private key is found wrapped, escaped and cut off', () => {
    const lines = [sampleOf('base64', 64), sampleOf('base64', 64, 2), sampleOf('base64', 20, 5)];
    const body = (end: string): string => `-----BEGIN RSA PRIVATE KEY-----${end}${lines.join(end)}`;
    for (const text of [
      `${body('\n')}\n-----END RSA PRIVATE KEY-----`,
      `"${body('\\n')}\\n-----END RSA PRIVATE KEY-----"`,
      body('\n'),
    ]) {
      const left = redact(text);
      for (const line of lines) expect(left).not.toContain(line);
    }
  });
});

test('redacting what is redacted changes nothing', () => {
  const text = `password=hunter2 Authorization: Bearer ${secret} mail a.b@mail.example.org`;
  const once = redact(text);
  expect(redact(once)).toBe(once);
});

test('findings are sorted, disjoint and inside the text, whatever the text', () => {
  const piece = oneof(
    string({ maxLength: 20 }),
    constantFrom(
      'password=',
      '"api_key":"',
      secret,
      'a@b.example',
      '4111 1111 1111 1111',
      '\\u0041',
      '%3D',
      '://u:p@h',
      '-----BEGIN ',
      '\u200b',
      'eyJhbGciOi',
      '"',
    ),
  );
  assertProperty(
    property(array(piece, { maxLength: 30 }), (pieces) => {
      const text = pieces.join('');
      let done = 0;
      for (const each of scan(text)) {
        expect(each.start).toBeGreaterThanOrEqual(done);
        expect(each.end).toBeGreaterThan(each.start);
        expect(each.end).toBeLessThanOrEqual(text.length);
        done = each.end;
      }
    }),
    { numRuns: 300 },
  );
});

test('JSON that is said to be plain holds no finding', () => {
  const texts = builtinRules.flatMap((rule) => rule.examples.hit);
  const said: string[] = [];
  for (const text of [...texts, '::1', 'FF:FF:FF:FF:FF:FF', 'a@b.example', '4111 1111 1111 1111', 'RSSMRA85T10A562S']) {
    if (scanner.scan(text, { key: 'note' }).findings.length === 0) continue;
    if (scanner.surveyJson(JSON.stringify({ note: text }))?.length === 0) said.push(text);
  }
  expect(said).toEqual([]);
  const ordinary =
    '{"path":"/orders","at":"2026-11-22T10:00:00Z","ms":13,"pod":"checkout-7d9f8b","message":"each fine database"}';
  expect(scanner.surveyJson(ordinary)).toEqual([]);
});

test('a percentage marks no string of a JSON, and takes no mark from one that holds something', () => {
  const said: string[] = [];
  for (const text of builtinRules.flatMap((rule) => rule.examples.hit)) {
    const note = `${text} at 5% & more`;
    if (scanner.scan(note, { key: 'note' }).findings.length === 0) continue;
    if (scanner.surveyJson(JSON.stringify({ note }))?.every((mark) => mark === 0) === true) said.push(note);
  }
  expect(said).toEqual([]);
  expect(scanner.surveyJson('{"format":"{total:.1%} & rest"}')).toEqual([0, 0]);
  expect(scanner.surveyJson('{"url":"a%41b","text":"x &amp; y"}')).toEqual([9, 25]);
  // Undone only because something else in the text may be an escape.
  expect(scanner.surveyJson('{"note":"5% high\\\\e[0mlow"}')).toEqual([10]);
  expect(scanner.surveyJson('{"note":"5% high=\\nlow"}')).toEqual([10]);
});

test('time that runs out is said', () => {
  const started = performance.now();
  const hurried = createScanner({ budgetMs: 0 });
  expect(hurried.scan('password token key secret '.repeat(2000), { key: '' }).status).toBe('budget');
  expect(started).toBeGreaterThan(0);
});

test('a rule outside the pattern subset is refused by name', () => {
  const rule = {
    id: 'mine',
    version: 1,
    class: 'secret.x',
    keywords: ['abc'],
    window: { before: 0, after: 9 },
    examples: { hit: ['abc'], miss: [] },
  };
  expect(() => createScanner({ extraRules: [{ ...rule, pattern: '(a+)+$' }] })).toThrow(/mine/);
});

test('a disabled rule never fires', () => {
  const quiet = createScanner({ disabledRules: new Set(['email']) });
  expect(quiet.scan('a.b@mail.example.org', { key: '' }).findings).toEqual([]);
});

describe('key names', () => {
  test.each([
    'password',
    'DB_PASSWORD',
    'userPassword',
    'http.request.header.authorization',
    'api_key',
    'apiKey',
    'x-api-key',
    'client_secret',
    'cookie',
    'http.request.header.cookie',
    'access_token',
    'request.token',
    'AWS_SECRET_ACCESS_KEY',
    'private_key',
  ])('%s is sensitive', (key) => {
    expect(scanner.sensitiveKey(key)).toBeDefined();
  });
  test.each([
    'max_tokens',
    'gen_ai.usage.input_tokens',
    'gen_ai.request.max_tokens',
    'gen_ai.token.type',
    'db.collection.name',
    'token_count',
    'next_page_token',
    'messaging.kafka.message.key',
    'service.name',
    'secret_name',
    'session.id',
    'key',
  ])('%s is not', (key) => {
    expect(scanner.sensitiveKey(key)).toBeUndefined();
  });
});
