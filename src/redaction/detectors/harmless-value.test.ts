import { describe, expect, it } from 'vitest';
import { isHarmlessValue } from './harmless-value.ts';
import { createScanner } from './scanner.ts';

const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
const uuid = '16519537-1e07-5a63-924c-a98f54dc77a7';

describe('isHarmlessValue', () => {
  it.each([
    '2026-06-14T10:18:54.313Z',
    '2009-05-19t14:39:22-06:00',
    'v19.38.9-rc.9+build.66',
    'Chrome/95.0.6373.84',
    'application/json; charset=utf-8',
    `00-${trace}-00f067aa0ba902b7-01`,
    `sha256:${trace}${trace}`,
    '-----BEGIN PUBLIC KEY-----',
    'vpc-0a1b2c3d4e5f67890 subnet-0123456789abcdef0',
    '${DB_PASSWORD}',
    '$DB_PASSWORD',
    '<password>',
    '{{ .Values.password }}',
    'xxxxxxxx',
    '********',
    'null',
    'false',
    '[REDACTED]',
    '/run/secrets/db-password',
    `request_id=${uuid}`,
    `"traceId":"${trace}"`,
    'gcp.apphub.workload.id=my-workload',
    'Queries on a table were blocked by the combination of a migration and a read.',
  ])('%s is nobody’s password', (value) => {
    expect(isHarmlessValue(value, 'password-key')).toBe(true);
  });

  it.each([
    '2010-02-18',
    'hunter2',
    'correct horse battery staple tower bridge',
    uuid,
    trace,
    'sha256~q7Zk2XwB9mTf4RvJ8nCs3LdH6gPy5q7Zk2XwB9mTf4R',
    'db.password=hunter2',
    'api_key=q7Zk2XwB9mTf4RvJ8nCs3LdH6gPy5',
    'user=hunter2',
    'note.text=q7Zk2XwB9mTf4RvJ8nCs3LdH6gPy5',
    '$ecret-Passw0rd!',
    '/home/hunter2',
    `-----BEGIN CERTIFICATE-----\nMIIB\n-----BEGIN RSA PRIVATE KEY-----`,
  ])('%s may be a password', (value) => {
    expect(isHarmlessValue(value, 'password-key')).toBe(false);
  });

  it('a date is no token, but somebody’s password', () => {
    expect(isHarmlessValue('2010-02-18', 'token-key')).toBe(true);
    expect(isHarmlessValue('2010-02-18', 'password-key')).toBe(false);
  });
});

describe('a name that follows another name', () => {
  const scanner = createScanner();
  const found = (text: string) =>
    scanner.scan(text, { key: '' }).findings.map((each) => text.slice(each.start, each.end));

  it('is no value', () => {
    expect(found(`SERVICE_TOKEN="traceId":"${trace}"`)).toEqual([]);
    expect(found(`token=traceparent: 00-${trace}-00f067aa0ba902b7-01`)).toEqual([]);
  });

  it('is judged by what stands behind it', () => {
    expect(found('token="password":"hunter2"')).toEqual(['hunter2']);
    expect(found('token=discord_api_key = 123456789012345678')).toEqual(['123456789012345678']);
  });
});
