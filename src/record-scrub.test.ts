import { expect, test } from 'vitest';
import { createRecordScrub } from './record-scrub.ts';
import { scrubTexts } from './record/scrub-texts.ts';
import { parsePolicy } from './redaction/policy-file.ts';
import { createRedactor, type RedactedText } from './redaction/redactor.ts';
import { createLogger } from './telemetry/logger.ts';
import { createMetrics } from './telemetry/metrics.ts';

function redactorOf(policy: string) {
  return createRedactor({
    policy: parsePolicy(`version: 1\nid: p\n${policy}`, 'p.yaml'),
    fingerprintKey: Buffer.alloc(32, 7),
    fingerprintKeyId: 'k1',
    meter: createMetrics().meter,
    logger: createLogger('silent'),
  });
}

const TOO_LONG = 'checkout is slow '.repeat(100);
const SMALL = 'budgets: {value_bytes: 1024}\n';

test('a text that ran out of its time once is scrubbed again, not replaced by a marker', () => {
  const withheld = redactorOf(SMALL).redactText(TOO_LONG);
  expect(withheld.text).toMatch(/^\[withheld:budget /);
  const answers: RedactedText[] = [withheld, withheld, { text: 'as it was', redactions: [] }];
  const scrub = createRecordScrub({ redactText: () => answers.shift() ?? withheld });
  expect(scrub('as it was', 'default', undefined, '')).toBe('as it was');
  expect(answers).toHaveLength(0);
});

test('a text that cannot be checked is refused, and let through where redaction only observes', () => {
  expect(() => createRecordScrub(redactorOf(SMALL))(TOO_LONG, 'default', undefined, '')).toThrow(
    /could not be checked/,
  );
  const observing = createRecordScrub(redactorOf(`mode: observe\n${SMALL}`));
  expect(observing(TOO_LONG, 'default', undefined, '')).toBe(TOO_LONG);
});

test('what is found in a text is replaced as anywhere', () => {
  expect(createRecordScrub(redactorOf(''))('ask jane@web.de', 'default', 'i', '')).toMatch(/^ask \[redacted:email~/);
});

test.each(['INC0012345', 'pay-v2', 'CHG0041234', 'INC-c406'])(
  '%s names an incident or a service, and is kept',
  (name) => {
    const scrub = createRecordScrub(redactorOf(''));
    const opened = { title: name, ref: name, services: [name] };
    const scrubbed = scrubTexts(opened, scrub, { tenant: 'default' });
    expect(scrubbed).toMatchObject({ ok: true, value: { ref: name, services: [name] } });
  },
);

test('a secret is taken out of names, too', () => {
  const scrub = createRecordScrub(redactorOf(''));
  const token = ['ghp', 'R9kQ2vX7mT4wZ8nB5cL1jH6gF3dS0aPqYuEi'].join('_');
  expect(JSON.stringify(scrubTexts({ ref: token }, scrub, { tenant: 'default' }))).not.toContain(token);
});

test('an actor who is called by an address is the same one where they act and where they are named', () => {
  const scrub = createRecordScrub(redactorOf(''));
  const ada = { kind: 'human', name: 'ada@acme.com', id: 'ada@acme.com' };
  const offer = { to: ada, responsibilities: [], note: 'or ask bob@acme.com' };
  const scrubbed = scrubTexts(offer, scrub, { tenant: 'default' });
  expect(scrubbed).toMatchObject({
    ok: true,
    value: { to: ada, note: expect.stringMatching(/^or ask \[redacted:email~/) },
  });
});

test('a secret is taken out of what an actor is called', () => {
  const scrub = createRecordScrub(redactorOf(''));
  const token = ['ghp', 'R9kQ2vX7mT4wZ8nB5cL1jH6gF3dS0aPqYuEi'].join('_');
  const named = { holder: { kind: 'agent', name: token, id: null } };
  expect(JSON.stringify(scrubTexts(named, scrub, { tenant: 'default' }))).not.toContain(token);
});
