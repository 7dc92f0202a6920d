import { expect, test } from 'vitest';
import { createLogger } from '../telemetry/logger.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { defaultPolicy } from './policy-file.ts';
import { createRedactor } from './redactor.ts';

const redactor = createRedactor({
  policy: defaultPolicy('open'),
  fingerprintKey: Buffer.alloc(32, 7),
  fingerprintKeyId: 'k1',
  meter: createMetrics().meter,
  logger: createLogger('silent'),
});
const redact = (value: unknown): string => redactor.redactText(JSON.stringify(value)).text;

test('the value of an object that a telling name holds goes, and what stands beside it stays', () => {
  const text = redact({ outputs: { db_password: { value: 'orange-seven', type: 'string' } } });
  expect(text).not.toContain('orange-seven');
  expect(text).toContain('"type":"string"');
  expect(redact({ replicas: { value: 'orange-seven' } })).toContain('orange-seven');
});

test('a pair in a list is a name and its value', () => {
  const text = redact({
    headers: [
      ['x-api-key', 'orange-7-x9'],
      ['accept', '*/*'],
    ],
  });
  expect(text).not.toContain('orange-7-x9');
  expect(text).toContain('["accept","*/*"]');
  expect(redactor.redactText('[[ "password" , "orange-7" ]]').text).not.toContain('orange-7');
  expect(redactor.redactText('[["pin_password", 48151623]]').text).not.toContain('48151623');
});

test('lists of names are no pairs', () => {
  for (const value of [
    { required: ['password', 'email'] },
    { columns: ['id', 'password', 'created_at', 'row-77-x9'] },
    { fields: ['token', 'next page'] },
  ]) {
    expect(redact(value)).toBe(JSON.stringify(value));
  }
});
