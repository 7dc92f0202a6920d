import { expect, test } from 'vitest';
import { createRecordScrub } from './record-scrub.ts';
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
  expect(scrub('as it was', 'default', undefined)).toBe('as it was');
  expect(answers).toHaveLength(0);
});

test('a text that cannot be checked is refused, and let through where redaction only observes', () => {
  expect(() => createRecordScrub(redactorOf(SMALL))(TOO_LONG, 'default', undefined)).toThrow(/could not be checked/);
  const observing = createRecordScrub(redactorOf(`mode: observe\n${SMALL}`));
  expect(observing(TOO_LONG, 'default', undefined)).toBe(TOO_LONG);
});

test('what is found in a text is replaced as anywhere', () => {
  expect(createRecordScrub(redactorOf(''))('ask jane@web.de', 'default', 'i')).toMatch(/^ask \[redacted:email~/);
});
