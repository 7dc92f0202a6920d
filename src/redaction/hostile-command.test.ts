import { array, assert, constantFrom, property } from 'fast-check';
import { expect, test } from 'vitest';
import { SCRIPT_ACTS } from './command-programs.ts';
import { commandTier } from './command-tier.ts';
import { httpClientTier } from './http-tier.ts';
import { mongoTier } from './mongo-tier.ts';
import { toolTier } from './tool-tier.ts';

// Nothing here is timed: what costs the square of its length, or more, does not come to an end within a test.
const LENGTH = 512 * 1024;

/** As they were before they were made linear. */
const SQUARED = {
  awk: /\bsystem\s*\(|>\s*["$\w(]|\|\s*&?\s*"|\|\s*getline|^-i$|^inplace$|^-f/,
  sed: /(?:^|[;{}/\dgpI$,]|\s)\s*[wW]\s+\S|^e(?:\s|$)|[\d/$;{]\s*e(?:\s|$)|^s([^\w\s])(?:(?!\1).)*\1(?:(?!\1).)*\1[gpiIm\d]*e|^-f/,
};

test.each(['sed', 'awk'] as const)(
  'what a script of %s does is told as by the pattern that took the square of its length',
  (program) => {
    const piece = constantFrom(
      ...Array.from(' \t\nwWegpIs/;{}$,1a|&">('),
      'w x',
      's/a/b/',
      'system',
      'getline',
      '-f',
      '  ',
    );
    assert(
      property(array(piece, { maxLength: 14 }), (pieces) => {
        const script = pieces.join('');
        expect(SCRIPT_ACTS[program]?.test(script)).toBe(SQUARED[program].test(script));
      }),
      { numRuns: 20_000 },
    );
  },
);

test.each([' ', '\t', '\n', 'w', '|', '|\t', '& ', 'w\t', 's/', '1 ', 'system', '>'])(
  'scripts of awk and sed that repeat %j come to an end',
  (unit) => {
    for (const head of ['', '|', 's|', ';', 'w']) {
      const script = head + unit.repeat(LENGTH / unit.length);
      for (const acts of Object.values(SCRIPT_ACTS)) expect(typeof acts.test(script)).toBe('boolean');
    }
  },
);

test('letters of wget in front of a line end are read once', () => {
  const word = `-${'O'.repeat(LENGTH)}\nx`;
  expect(httpClientTier('wget', [word, 'http://shop'])).toMatchObject({ tier: 'mutate' });
});

test.each([
  ['db.carts.find().forEach(function (each) { print(each) })', 'read'],
  ['db.carts.find().forEach(function filter(each) { print(each) })', 'read'],
  ['db.carts.find().map(function(each) { return each })(1)', 'unknown'],
  ['function('.repeat(1_500), 'read'],
  [`function${' '.repeat(16_000)}`, 'read'],
])('functions of a script are taken out by their heads: %#', (script, tier) => {
  expect(mongoTier(script).tier).toBe(tier);
});

test('commands that find runs on what it finds are looked into once, however many are within one another', () => {
  expect(commandTier('find . -exec '.repeat(1_200)).tier).toBe('unknown');
  expect(commandTier('find . -exec find . -exec rm {} \\; \\;').tier).toBe('mutate');
  expect(commandTier('find . -exec cat {} \\; -exec rm {} \\;').tier).toBe('mutate');
  expect(commandTier('find . -exec grep -l x {} + -delete').tier).toBe('mutate');
  expect(commandTier('find . -exec grep -l x {} + -exec wc -l {} +').tier).toBe('read');
});

test('a sub-command that is too long for one is not added to every command', () => {
  const subcommand = 'get '.repeat(4_000);
  const commands = Object.fromEntries(
    Array.from({ length: 60 }, (_, at) => [
      `a${at}`,
      Object.fromEntries(
        Array.from({ length: 60 }, (_member, each) => [`b${each}`, { cmd: 'ls', command: 'ls', script: 'ls' }]),
      ),
    ]),
  );
  expect(toolTier('run', [{ subcommand, ...commands }])).toMatchObject({ tier: 'unknown', rule: 'shell.too_long' });
  expect(toolTier('kubectl', [{ command: 'rollout', subcommand: 'undo' }]).tier).toBe('mutate');
});
