import { expect, test } from 'vitest';
import { encodeExportResponse, encodeExportResponseJson } from './export-response.ts';
import { WireReader } from './reader.ts';
import { encodeStatus, encodeStatusJson, RPC_CODE } from './status.ts';

const json = (bytes: Buffer): unknown => JSON.parse(bytes.toString());

test('full success is no bytes in protobuf and an empty object in JSON', () => {
  expect(encodeExportResponse({ rejected: 0, message: '' })).toHaveLength(0);
  expect(encodeExportResponseJson('traces', { rejected: 0, message: '' }).toString()).toBe('{}');
});

test('partial success carries the count and the message', () => {
  const reader = new WireReader(encodeExportResponse({ rejected: 3, message: 'bad ids' }));
  expect(reader.tag()).toBe(0x0a);
  reader.enter();
  expect(reader.tag()).toBe(0x08);
  expect(reader.varint64()).toBe(3n);
  expect(reader.tag()).toBe(0x12);
  expect(reader.string()).toBe('bad ids');
  expect(reader.tag()).toBe(0);
});

test('partial success in JSON writes the count as a string under the signal’s name', () => {
  expect(json(encodeExportResponseJson('logs', { rejected: 3, message: 'm' }))).toEqual({
    partialSuccess: { rejectedLogRecords: '3', errorMessage: 'm' },
  });
  expect(json(encodeExportResponseJson('metrics', { rejected: 1, message: '' }))).toEqual({
    partialSuccess: { rejectedDataPoints: '1' },
  });
  expect(json(encodeExportResponseJson('traces', { rejected: 0, message: 'warning' }))).toEqual({
    partialSuccess: { errorMessage: 'warning' },
  });
});

test('a retryable status carries RetryInfo', () => {
  const status = { code: RPC_CODE.unavailable, message: 'later', retryDelayMs: 1500 };
  expect(json(encodeStatusJson(status))).toEqual({
    code: 14,
    message: 'later',
    details: [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '1.5s' }],
  });
  const reader = new WireReader(encodeStatus(status));
  expect([reader.tag(), reader.varint32()]).toEqual([0x08, 14]);
  expect([reader.tag(), reader.string()]).toEqual([0x12, 'later']);
  expect(reader.tag()).toBe(0x1a);
  reader.enter();
  expect([reader.tag(), reader.string()]).toEqual([0x0a, 'type.googleapis.com/google.rpc.RetryInfo']);
  expect(reader.tag()).toBe(0x12);
  reader.enter();
  expect(reader.tag()).toBe(0x0a);
  reader.enter();
  expect([reader.tag(), reader.varint32()]).toEqual([0x08, 1]);
  expect([reader.tag(), reader.varint32()]).toEqual([0x10, 500_000_000]);
});

test('a message of a megabyte is cut to a kilobyte, between characters', () => {
  const message = 'é'.repeat(500_000);
  const { message: cut } = json(encodeStatusJson({ code: RPC_CODE.invalidArgument, message })) as { message: string };
  expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(1024);
  expect(cut).toMatch(/^é+…$/);
  expect(encodeStatus({ code: RPC_CODE.invalidArgument, message }).length).toBeLessThan(1100);
  expect(encodeExportResponse({ rejected: 1, message }).length).toBeLessThan(1100);
});
