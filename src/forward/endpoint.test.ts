import { expect, test } from 'vitest';
import { parseForwardEndpoint, signalPath } from './endpoint.ts';

test.each([
  ['http://collector', 'http/protobuf', false, 'collector:4318', ''],
  ['http://collector:80', 'http/protobuf', false, 'collector:80', ''],
  ['https://collector:443/otlp/', 'http/protobuf', true, 'collector:443', '/otlp'],
  ['https://collector/a/b', 'http/protobuf', true, 'collector:4318', '/a/b'],
  ['http://collector:4317', 'grpc', false, 'collector:4317', ''],
  ['https://collector:4317/', 'grpc', true, 'collector:4317', ''],
  ['grpc://collector', 'grpc', false, 'collector:4317', ''],
  ['grpcs://collector:443', 'grpc', true, 'collector:443', ''],
  ['grpc://[::1]:9000', 'grpc', false, '[::1]:9000', ''],
] as const)('%s is %s, TLS %s, at %s%s', (url, protocol, tls, authority, basePath) => {
  expect(parseForwardEndpoint(url)).toEqual({ protocol, tls, authority, basePath });
});

test('the protocol option overrides what the port suggests', () => {
  expect(parseForwardEndpoint('http://collector:4317', 'http/protobuf').protocol).toBe('http/protobuf');
  expect(parseForwardEndpoint('http://collector:9000', 'grpc').protocol).toBe('grpc');
});

test.each([
  ['collector:4317', 'starts with collector://'],
  ['', 'is not a URL'],
  ['ftp://collector', 'starts with ftp://'],
  ['http://user:secret-word@collector', 'credentials'],
  ['http://collector?token=secret-word', 'query'],
  ['grpc://collector/v1', 'has a path'],
])('%s is refused with a sentence that does not quote it', (url, sentence) => {
  expect(() => parseForwardEndpoint(url)).toThrow(sentence);
  expect(() => parseForwardEndpoint(url)).not.toThrow('secret-word');
});

test('a signal has its path behind the base path', () => {
  expect(signalPath(parseForwardEndpoint('http://c/otlp'), 'logs')).toBe('/otlp/v1/logs');
});
