import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadPolicy } from './policy-file.ts';
import { findingActionOf, rulesFor, treatmentOf } from './policy.ts';

const guide = readFileSync(join(import.meta.dirname, '../../docs/policy.md'), 'utf8');
const blocks = [...guide.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map((match) => match[1] ?? '');
const rules = blocks.filter((block) => block.startsWith('- id: '));
const policies = blocks.filter((block) => block.startsWith('version: 1'));

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'docket-guide-'));
  writeFileSync(join(folder, 'acme.rules.yaml'), rules.join(''));
});
afterAll(() => rmSync(folder, { recursive: true }));

test('every example in the guide is a policy or a rule pack', () => {
  expect([policies.length, rules.length]).toEqual([3, 1]);
  expect(blocks).toHaveLength(4);
});

test.each(policies.map((text) => [/^id: (\S+)/m.exec(text)?.[1] ?? '', text]))(
  'the example %s can be used',
  (id, text) => {
    const file = join(folder, `${id}.yaml`);
    writeFileSync(file, text);
    const policy = loadPolicy(file);
    expect(policy.id).toBe(id);
    if (id !== 'prod-default') return;
    const treatment = treatmentOf(policy.rules, 'messages.input', 'gen_ai.input.messages', '');
    expect([...(treatment.roles ?? [])].map(([role, each]) => `${role} ${each.action}`)).toEqual([
      'system drop',
      'user scrub',
      'assistant scrub',
      'tool scrub',
    ]);
    const kubectl = treatmentOf(policy.rules, 'tool.arguments', 'gen_ai.tool.call.arguments', 'kubectl');
    expect(kubectl.keepKeys).toEqual(new Set(['namespace', 'pod', 'limit']));
    expect(findingActionOf(policy.rules, 'credit-card', 'pii.card').do).toBe('mask');
    expect(policy.ownRules.map((rule) => rule.id)).toEqual(['acme-badge']);
    const redacts = (tenant: string): boolean =>
      rulesFor(policy, tenant, '').redactKeys.some((matches) => matches('order.note'));
    expect([redacts('acme'), redacts('other')]).toEqual([true, false]);
  },
);
