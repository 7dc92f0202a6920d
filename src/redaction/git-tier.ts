import type { TierDecision } from './tier-decision.ts';

/** Sub-commands of git that list or change by what stands behind them. */
interface Listing {
  /** Options that change, also among letters that stand together. */
  readonly changes: RegExp;
  /** Options with which words are patterns. */
  readonly lists: RegExp;
}

const LISTINGS: Readonly<Record<string, Listing>> = {
  branch: {
    changes:
      /^-[A-Za-z]*[dDmMcCfut]|^--(?:delete|move|copy|force|set-upstream|unset-upstream|edit-description|track|no-track|create-reflog)/,
    lists: /^-[A-Za-z]*l|^--(?:list|contains|no-contains|merged|no-merged|points-at|show-current)/,
  },
  tag: {
    changes:
      /^-[A-Za-z]*[asudfmFe]|^--(?:annotate|sign|local-user|delete|force|message|file|edit|trailer|create-reflog|cleanup)/,
    lists: /^-(?:[A-Za-z]*l|n\d*$)|^--(?:list|contains|no-contains|merged|no-merged|points-at)/,
  },
};
const CONFIG_CHANGES =
  /^(?:-e|--(?:add|unset|unset-all|replace-all|rename-section|remove-section|edit))$|^(?:set|unset|edit|rename-section|remove-section)$/;
const CONFIG_READS = /^(?:-l|--(?:list|get.*))$|^(?:get|list)$/;
const GLOBAL_VALUED = /^(?:-C|-c|--git-dir|--work-tree|--namespace)$/;

/** `git branch`, `git tag` and `git config`: their words tell looking from changing. Undefined for any other sub-command. */
export function gitTier(rest: readonly string[]): TierDecision | undefined {
  let at = 0;
  while (at < rest.length && (rest[at] ?? '').startsWith('-')) at += GLOBAL_VALUED.test(rest[at] ?? '') ? 2 : 1;
  const verb = rest[at] ?? '';
  const words = rest.slice(at + 1);
  const others = words.filter((word) => !word.startsWith('-'));
  const decided = (reads: boolean): TierDecision => ({ tier: reads ? 'read' : 'mutate', rule: 'git', verb });
  if (verb === 'config') {
    if (words.some((word) => CONFIG_CHANGES.test(word))) return decided(false);
    return decided(words.some((word) => CONFIG_READS.test(word)) || others.length < 2);
  }
  const listing = Object.hasOwn(LISTINGS, verb) ? LISTINGS[verb] : undefined;
  if (listing === undefined) return undefined;
  if (words.some((word) => listing.changes.test(word))) return decided(false);
  return decided(others.length === 0 || words.some((word) => listing.lists.test(word)));
}
