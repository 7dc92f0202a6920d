import type { ToolTier } from '../pipeline/facts.ts';

/** How far a tool call can reach, the rule that said so, and the operation's verb where one showed. */
export interface TierDecision {
  readonly tier: ToolTier;
  readonly rule: string;
  readonly verb: string | undefined;
}

const TIER_ORDER: readonly ToolTier[] = ['read', 'write_record', 'unknown', 'mutate'];

/** Of several decisions on one call, the farthest-reaching; among equals one by a rule of its own before one by the shell's. */
export function farthest(decisions: readonly TierDecision[]): TierDecision {
  let chosen: TierDecision | undefined;
  for (const each of decisions) {
    if (chosen === undefined || TIER_ORDER.indexOf(each.tier) > TIER_ORDER.indexOf(chosen.tier)) chosen = each;
    else if (each.tier === chosen.tier && chosen.rule.startsWith('shell.') && !each.rule.startsWith('shell.'))
      chosen = each;
  }
  return chosen ?? { tier: 'unknown', rule: 'none', verb: undefined };
}
