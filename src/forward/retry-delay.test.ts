import { expect, test } from 'vitest';
import { encodeStatus, RPC_CODE } from '../otlp/protobuf/status.ts';
import { rejectedItemsIn } from './export-response.ts';
import { retryAfterMs, retryInfoMs } from './retry-delay.ts';

test.each([
  [undefined, undefined],
  ['soon', undefined],
  ['-1', undefined],
  ['0', 0],
  [' 7 ', 7_000],
  ['Sun, 22 Nov 2026 20:00:05 GMT', 5_000],
  ['Sun, 22 Nov 2026 19:00:00 GMT', 0],
])('Retry-After %s is %s ms', (header, expected) => {
  expect(retryAfterMs(header, Date.UTC(2026, 10, 22, 20))).toBe(expected);
});

test('RetryInfo is found in the status details', () => {
  expect(retryInfoMs(encodeStatus({ code: RPC_CODE.unavailable, message: 'busy', retryDelayMs: 1_250 }))).toBe(1_250);
  expect(retryInfoMs(encodeStatus({ code: RPC_CODE.unavailable, message: 'busy', badRequest: true }))).toBeUndefined();
  expect(retryInfoMs(Buffer.alloc(0))).toBeUndefined();
});

test('status details that are cut anywhere are no error', () => {
  const details = encodeStatus({ code: RPC_CODE.unavailable, message: 'busy', retryDelayMs: 1_250 });
  for (let length = 0; length < details.length; length += 1) {
    expect(() => retryInfoMs(details.subarray(0, length))).not.toThrow();
  }
});

test('rejected items are read from a partial success, and nothing from what is none', () => {
  expect(rejectedItemsIn(Buffer.from([0x0a, 0x03, 0x08, 0xac, 0x02]))).toBe(300);
  expect(rejectedItemsIn(Buffer.alloc(0))).toBe(0);
  expect(rejectedItemsIn(Buffer.from('<html>'))).toBe(0);
  expect(rejectedItemsIn(Buffer.from([0x0a, 0x7f, 0x08]))).toBe(0);
});
