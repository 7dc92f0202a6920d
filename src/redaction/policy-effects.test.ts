import { expect, test } from 'vitest';
import { transcodeJson } from '../otlp/json/transcode.ts';
import { textsOf } from '../proof/placed-text.ts';
import { createLogger } from '../telemetry/logger.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { parsePolicy } from './policy-file.ts';
import { treatmentOf } from './policy.ts';
import { createRedactor, type Redactor } from './redactor.ts';

// What each setting of a policy file does to text: a setting that does nothing would pass the tests of the file's form.

function redactorOf(policy: string, environment: Readonly<Record<string, string>> = {}): Redactor {
  return createRedactor({
    policy: parsePolicy(`version: 1\nid: p\n${policy}`, 'p.yaml', environment),
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
    'preset: open\nkeys: {redact: [internal_note]}\nunknown_tenants: base\ntenants:\n' +
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

test('a pseudonym is made with the key of the variable that the policy names, under its name', () => {
  const policy = 'preset: open\npseudonyms: {key_env: K, key_id: q7}\nactions: {pii: {do: pseudonym}}\n';
  const out = (key: string): { text: string; fingerprint: string | undefined } => {
    const { text, redactions } = redactorOf(policy, { K: key }).redactText('jane@acme.com');
    return { text, fingerprint: redactions[0]?.fingerprint };
  };
  const first = out('00'.repeat(32));
  expect(first.text).toMatch(/^\[pseudonym:email hmac:q7:[0-9a-f]{24}~\w+\]$/);
  expect(out('00'.repeat(32))).toEqual(first);
  const second = out('01'.repeat(32));
  expect(second.text).not.toBe(first.text);
  // The receipt's is made with the deployment's key, and says nothing about the pseudonym.
  expect(second.fingerprint).toBe(first.fingerprint);
  expect(first.text).not.toContain(first.fingerprint);
});

interface Sent {
  readonly trace?: string;
  readonly incident?: string;
  readonly resourceIncident?: string;
}

/** The text of a span's attribute after redaction. */
function noteOf(redactor: Redactor, sent: Sent, text = 'jane@acme.com'): string {
  const named = (name: string, value: string | undefined): object[] =>
    value === undefined ? [] : [{ key: name, value: { stringValue: value } }];
  const span = {
    traceId: sent.trace ?? '',
    spanId: '0123456789abcdef',
    name: 'work',
    attributes: [...named('note', text), ...named('incident.id', sent.incident)],
  };
  const resource = { attributes: named('docket.incident.id', sent.resourceIncident) };
  const json = JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ spans: [span] }] }] });
  const { bytes } = transcodeJson('traces', Buffer.from(json));
  const frame = redactor.redact({ tenant: 'default', signal: 'traces', bytes, items: 1, receivedAtUnixNano: 0n });
  return (
    textsOf('ExportTraceServiceRequest', Buffer.from(frame.bytes)).find(({ path }) => path.endsWith('[note]'))?.text ??
    ''
  );
}

test('a pseudonym that is stable per incident links nothing across incidents', () => {
  const policy = 'preset: open\nactions: {pii: {do: pseudonym, stable: incident}}\n';
  const bound = 'b0'.repeat(16);
  const redactor = createRedactor({
    policy: parsePolicy(`version: 1\nid: p\n${policy}`, 'p.yaml'),
    fingerprintKey: Buffer.alloc(32, 7),
    fingerprintKeyId: 'k1',
    incidentOf: (_tenant, refs, traceId) => (refs.includes('INC-1') || traceId === bound ? 'id-of-1' : undefined),
    meter: createMetrics().meter,
    logger: createLogger('silent'),
  });
  const one = noteOf(redactor, { trace: 'a1'.repeat(16), incident: 'INC-1' });
  expect(one).toMatch(/^\[pseudonym:email hmac:k1:/);
  for (const same of [
    { trace: 'a2'.repeat(16), incident: 'INC-1' },
    { trace: 'a2'.repeat(16), resourceIncident: 'INC-1' },
    { trace: bound },
  ]) {
    expect(noteOf(redactor, same)).toBe(one);
  }
  // What a person types into the incident is told by its id.
  expect(redactor.redactText('jane@acme.com', { incident: 'id-of-1' }).text).toBe(one);
  const two = noteOf(redactor, { trace: 'a1'.repeat(16), incident: 'INC-2' });
  const loose = noteOf(redactor, { trace: 'a1'.repeat(16) });
  expect(new Set([one, two, loose]).size).toBe(3);
  expect(noteOf(redactor, { trace: 'a1'.repeat(16) })).toBe(loose);
  expect(noteOf(redactor, { trace: 'a3'.repeat(16) })).not.toBe(loose);
  // Where neither is known there is nothing to be stable in.
  expect(noteOf(redactor, {})).toMatch(/^\[redacted:email~/);
  expect(redactor.redactText('jane@acme.com').text).toMatch(/^\[redacted:email~/);
});

test.each([
  ['action: withhold', /^\[withheld:attribute bytes=22 hmac:k1:[0-9a-f]{24} ~\w+\]$/],
  ['action: mask, keep_last: 4', /ends=blue/],
  ['action: pseudonym', /^\[pseudonym:/],
  ['action: truncate, bytes: 6', /^the sh/],
  ['action: drop', /^$/],
  ['action: scan, keep_keys: [x]', /^the shoes are all blue$/],
])('an attribute that is content to the policy alone gets what the policy says: %s', (action, left) => {
  for (const name of ['note', '^no.e$']) {
    const redactor = redactorOf(`content: [{match: {attr: ['${name}']}, ${action}}]\n`);
    const out = noteOf(redactor, {}, 'the shoes are all blue');
    expect(out).toMatch(left);
    if (!action.includes('scan')) expect(out).not.toBe('the shoes are all blue');
  }
});

test.each([
  [6, 'größe ist', /^größ\[/],
  [7, 'größe ist', /^größe\[/],
  [8, 'ab🙂🙂cd', /^ab🙂\[/],
  [1, '🙂🙂', /^\[/],
  [3, 'lone \ud83d half', /^lon\[/],
])('a cut at %d bytes keeps characters whole', (bytes, text, left) => {
  const redactor = redactorOf(`content: [{match: {attr: [note]}, action: truncate, bytes: ${bytes}}]\n`);
  expect(noteOf(redactor, {}, text)).toMatch(left);
});

test('a rule that names a tool alone leaves attributes that are no content as they are', () => {
  const redactor = redactorOf(`content: [{match: {tool: ['.*']}, action: withhold}]\n`);
  expect(noteOf(redactor, {}, 'the shoes are all blue')).toBe('the shoes are all blue');
});

test('a tenant that the policy does not list has its content withheld with the reason', () => {
  const redactor = redactorOf('preset: open\nkeys: {redact: [internal_note]}\ntenants: {acme: {}}\n');
  const request = (tenant: string) => {
    const attributes = [
      { key: 'gen_ai.operation.name', value: { stringValue: 'execute_tool' } },
      { key: 'gen_ai.tool.name', value: { stringValue: 'lookup' } },
      { key: 'gen_ai.tool.call.arguments', value: { stringValue: '{"q":"blue shoes"}' } },
      { key: 'incident.id', value: { stringValue: 'INC-1' } },
      { key: 'internal_note', value: { stringValue: 'violet' } },
    ];
    const span = { traceId: 'a1'.repeat(16), spanId: '0123456789abcdef', name: 'execute_tool lookup', attributes };
    const json = JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] });
    const { bytes } = transcodeJson('traces', Buffer.from(json));
    const frame = redactor.redact({ tenant, signal: 'traces', bytes, items: 1, receivedAtUnixNano: 0n });
    return { frame, text: Buffer.from(frame.bytes).toString('latin1') };
  };
  expect(request('acme').text).toContain('blue shoes');
  const { frame, text } = request('nobody');
  expect(text).not.toContain('blue shoes');
  expect(text).not.toContain('violet');
  expect(text).toMatch(/\[withheld:unknown_tenant bytes=18 hmac:k1:[0-9a-f]{24} ~\w+\]/);
  // What links and names it stays.
  expect(text).toContain('INC-1');
  expect(text).toContain('execute_tool lookup');
  const [receipt] = frame.receipts;
  expect(receipt?.redactions).toContainEqual(
    expect.objectContaining({
      path: 'attributes[gen_ai.tool.call.arguments]',
      class: 'content.tool.arguments',
      rule: 'unknown_tenant',
      action: 'withhold',
      originalBytes: 18,
    }),
  );
});
