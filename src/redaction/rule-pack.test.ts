import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createLogger } from '../telemetry/logger.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { loadPolicy, PolicyError } from './policy-file.ts';
import type { CompiledPolicy } from './policy.ts';
import { createRedactor } from './redactor.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'docket-rules-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const RULE = `- id: acme-badge
  version: 2
  class: internal
  keywords: [acmebadge-]
  window: {before: 0, after: 32}
  pattern: 'acmebadge-([a-z]{4}-[0-9]{4})'
  group: 1
  validate: [{digits: 4}, no_placeholder]
  not: ['^test-']
  tests: {hit: ['id acmebadge-blue-2231.'], miss: ['acmebadge-test-2231', 'acmebadge-blue']}
`;

function load(rules: string, packs = '[builtin/secrets@3, builtin/pii-core@2, ./acme.rules.yaml]'): CompiledPolicy {
  writeFileSync(join(folder, 'acme.rules.yaml'), rules);
  writeFileSync(join(folder, 'policy.yaml'), `version: 1\nid: p\npreset: open\npacks: ${packs}\n`);
  return loadPolicy(join(folder, 'policy.yaml'));
}

function problems(rules: string, packs?: string): string {
  try {
    load(rules, packs);
  } catch (error) {
    if (error instanceof PolicyError) return error.message.replaceAll(folder, '');
    throw error;
  }
  return '';
}

test('a rule of our own finds its value, also through base64, and its id and version are in the receipt', () => {
  const redactor = createRedactor({
    policy: load(RULE),
    fingerprintKey: Buffer.alloc(32, 7),
    fingerprintKeyId: 'k1',
    meter: createMetrics().meter,
    logger: createLogger('silent'),
  });
  const { text, redactions } = redactor.redactText('badge acmebadge-blue-2231 of the guard');
  expect(text).toMatch(/^badge acmebadge-\[redacted:acme-badge~\w+\] of the guard$/);
  expect(redactions).toMatchObject([{ rule: 'acme-badge', ruleVersion: 2, class: 'internal.own' }]);
  const encoded = Buffer.from('the badge is acmebadge-blue-2231 today').toString('base64');
  expect(redactor.redactText(`x ${encoded}`).text).not.toContain(encoded);
  expect(redactor.redactText('badge acmebadge-test-2231').redactions).toEqual([]);
});

test('the version of a policy changes with its rules', () => {
  expect(load(RULE).version).not.toBe(load(RULE.replace('version: 2', 'version: 3')).version);
});

test.each([
  ['an unknown field', RULE.replace('group: 1', 'grp: 1'), '/acme.rules.yaml:7: 0.grp: there is no such field'],
  [
    'a hit that is none',
    RULE.replace('blue-2231.', 'blue-22.'),
    '/acme.rules.yaml:10: acme-badge.tests.hit.0: the rule does not find this',
  ],
  [
    'a miss that is a hit',
    RULE.replace("'acmebadge-blue']", "'acmebadge-blue-1234']"),
    'acme-badge.tests.miss.1: the rule finds this',
  ],
  [
    'an unbounded repeat',
    RULE.replace('[a-z]{4}', '[a-z]+'),
    '/acme.rules.yaml:6: acme-badge.pattern: the unbounded repeat +',
  ],
  [
    'a pattern that grows',
    RULE.replace('[a-z]{4}', '[a-z]{0,512}[a-z]{0,512}[a-z]{0,512}'),
    'acme-badge.pattern: takes',
  ],
  ['an unknown check', RULE.replace('no_placeholder', 'no_such'), 'acme-badge.validate.1: there is no such check'],
  ['a costly exception', RULE.replace('^test-', '^(a+)+$'), 'acme-badge.not.0: is no pattern'],
  ['a missing group', RULE.replace('group: 1', 'group: 2'), 'acme-badge.group: the pattern has no such group'],
  [
    'the id of another rule',
    RULE.replace('acme-badge', 'email').replaceAll('acme-badge', 'email') + RULE.replace('acme-badge', 'email'),
    'email.id: another rule has this id',
  ],
])('%s in a rule is refused with its line', (_, rules, sentence) => {
  expect(problems(rules)).toContain(sentence);
});

test.each([
  ['[builtin/secrets@9, builtin/pii-core]', 'packs.0: this release has builtin/secrets@3'],
  ['[builtin/secret, builtin/secrets, builtin/pii-core]', 'packs.0: there is no such pack'],
  ['[builtin/secrets]', 'packs: builtin/pii-core cannot be left out'],
  ['[builtin/secrets, builtin/pii-core, ./other.rules.yaml]', '/other.rules.yaml: cannot be read (ENOENT)'],
  ['[builtin/secrets, builtin/pii-core, ../acme.rules.yaml]', 'packs.2: a pack is builtin/<name>@<version>, or a file'],
])('packs: %s is refused', (packs, sentence) => {
  expect(problems(RULE, packs)).toContain(sentence);
});
