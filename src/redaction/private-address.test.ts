import { expect, test } from 'vitest';
import { isPrivateAddress } from './private-address.ts';

test.each([
  '10.2.3.4',
  '10.244.3.4',
  '172.31.0.1',
  '192.168.1.1',
  '127.0.0.1',
  '169.254.169.254',
  '100.64.0.1',
  '100.127.255.255',
  '0.0.0.0',
  '10.96.0.0/12',
  '::1',
  '::',
  'fe80::1',
  'fe80::1%eth0',
  'fd00:10:244::5',
  '::ffff:10.0.0.1',
])('%s is not globally routable', (address) => {
  expect(isPrivateAddress(address)).toBe(true);
});

test.each([
  '8.8.4.4',
  '192.0.2.7',
  '203.0.113.7',
  '2001:db8::7334',
  '172.32.0.1',
  '100.128.0.1',
  '2606:4700::1111',
  '::ffff:8.8.8.8',
  '10.2.3.4 8.8.4.4',
  '10.2.3',
  'jane@10.2.3.4',
  '',
])('%s is not taken for a private address', (text) => {
  expect(isPrivateAddress(text)).toBe(false);
});
