import { describe, expect, it } from 'vitest';
import { identityNumbers } from './identity-number.ts';
import { createScanner } from './scanner.ts';

const scanner = createScanner();
const found = (text: string, key = ''): string[] =>
  scanner.scan(text, { key }).findings.map((each) => `${each.rule} ${text.slice(each.start, each.end)}`);

describe('personal data by punctuation', () => {
  it.each([
    ['the name before a mailbox', 'user entered Jane Roe <jane@example.com>', ['email Jane Roe <jane@example.com>']],
    ['a quoted name before a mailbox', 'to "Roe, Jane" <jane@example.com>', ['email "Roe, Jane" <jane@example.com>']],
    ['a mailbox without a name', 'to <jane@example.com>', ['email jane@example.com']],
    ['an EUI-64 with spaces', 'value A9 C5 D4 9F EB D3 B6 65 seen', ['mac-address A9 C5 D4 9F EB D3 B6 65']],
    ['an EUI-64 with dots', 'at 0102.0304.0506.07ab now', ['mac-address 0102.0304.0506.07ab']],
    ['a number with an extension', 'Desk (898)666-3621x0135', ['phone (898)666-3621x0135']],
    ['an air travel card that is called one', 'my credit card: 122000000000003', ['credit-card 122000000000003']],
    ['digits alone in groups of four', 'ids 1234.5678.9012.3456 end', []],
    ['a dump of bytes', '48 65 6c 6c 6f 20 77 6f 72 6c 64', []],
  ])('%s', (_, text, expected) => {
    expect(found(text)).toEqual(expected);
  });

  it('an address of a bucket stays where the key says that it is an address', () => {
    expect(found('acme-invoices.s3.amazonaws.com', 'note')).toEqual([
      'storage-bucket-address acme-invoices.s3.amazonaws.com',
    ]);
    expect(found('acme-invoices.s3.amazonaws.com', 'server.address')).toEqual([]);
  });

  it('a token with invisible characters in it is found by them', () => {
    expect(found('paste cfcabd11c7ed9a41\u200bb1a3e063c32d5114 here')).toEqual([
      'broken-token cfcabd11c7ed9a41\u200bb1a3e063c32d5114',
    ]);
  });

  it('prose about authorization is no header', () => {
    expect(found('authorization denied for the user')).toEqual([]);
    expect(found('Authorization: Bearer handsome.example.com')).toEqual(['authorization-key handsome.example.com']);
  });
});

describe('telephone numbers that a word announces', () => {
  it.each([
    ['a word with a member name around it', 'their number is (a mobile): 4 23 18 76', ['phone 4 23 18 76']],
    ['a word as far away as one may be', `dial ${'x'.repeat(22)} 4231876`, ['phone 4231876']],
    ['a word farther away', `dial ${'x'.repeat(23)} 4231876`, []],
    ['a word on the line before', 'dial\n4231876', []],
    ['another number of the phone', 'phone order 4231876', []],
    ['a row of a table with a date', 'phone\n12  2026-04-25 05:10:10  4', []],
  ])('%s', (_, text, expected) => {
    expect(found(text)).toEqual(expected);
  });
});

describe('payment cards among other digits', () => {
  it.each([
    ['parted in an unusual way', 'paid 41 11 11 11 11 11 11 11 today', ['credit-card 41 11 11 11 11 11 11 11']],
    ['with another number behind it', '4111 1111 1111 1111 12 27', ['credit-card 4111 1111 1111 1111']],
    ['written without gaps before a date', '4111111111111111 12.27', ['credit-card 4111111111111111']],
  ])('%s', (_, text, expected) => {
    expect(found(text)).toEqual(expected);
  });
});

describe('numbers behind a line end', () => {
  const lines: [string, string][] = [
    ['credit-card', '4111111111111111'],
    ['credit-card', '4111 1111 1111 1111'],
    ['phone', '415-555-2671'],
    ['us-ssn', '078-05-1120'],
    ['iban', 'DE89370400440532013000'],
    ['de-vat', 'DE123456789'],
    ['ip-address', '192.0.2.7'],
    ['mac-address', '1a-2b-3c-4d-5e-6f'],
    ['mac-address', '00 1a 2b 3c 4d 5e'],
  ];
  it.each(lines)('%s %s that is written out is found', (rule, line) => {
    for (const end of ['\\n', '\\r\\n', '\\t']) expect(found(`note${end}${line}`)).toEqual([`${rule} ${line}`]);
  });

  it.each(lines)('%s %s in a string of a JSON is noted by its survey', (_, line) => {
    const json = JSON.stringify({ note: `as follows\n${line}` });
    expect(scanner.surveyJson(json)?.some((mark) => mark >= json.indexOf(line))).toBe(true);
  });
});

it('no identity number has two characters between two digits', () => {
  const parting = '(?:\\[[- +./\\\\]+\\]|\\\\[./(]|[ -])\\??';
  const twoParted = new RegExp(`${parting}${parting}(?:\\(\\?:|\\[\\\\?d?|\\\\)`);
  expect(twoParted.test('^\\d{3} -\\d{2}$')).toBe(true);
  expect(twoParted.test('^\\d{3}[ -]?-?[0-9]$')).toBe(true);
  expect(identityNumbers.filter(({ shape }) => twoParted.test(shape.source)).map(({ id }) => id)).toEqual([]);
});

it('leaves the last group of a UUID that looks like a German social security number: it holds no date of birth', () => {
  expect(found('insured as 65170839J003')).toEqual(['de-social-security 65170839J003']);
  expect(found('data/36450ae5-3427-4ebb-ae57-16409643a473.md')).toEqual([]);
});
