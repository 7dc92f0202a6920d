import { expect, test } from 'vitest';
import { createLogger } from '../telemetry/logger.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { parsePolicy } from './policy-file.ts';
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
