import { createTimeSlice } from '../pipeline/time-slice.ts';
import { isAsWritten, type Act } from './act.ts';
import type { ActWindow } from './act-window.ts';
import { reappliedAgent, reappliedContribution } from './reapplied-contribution.ts';
import type { RedactRequest } from './texts-again.ts';

/** A policy to apply to what the window holds. */
export interface PolicyAgain {
  readonly tenant: string;
  readonly policyVersion: string;
  readonly redact: RedactRequest;
  /**
   * True when the store holds nothing any more that another policy let in: content that is in the store alone then comes back as the
   * policy has it.
   */
  readonly storeIsClean: boolean;
}

export interface WindowAgain {
  /** Acts that held what another policy let in. */
  readonly changed: number;
  /** Acts whose rows say who acts otherwise than the spans above do now. */
  readonly touched: ReadonlySet<Act>;
}

/**
 * Redacts again what the window holds of a tenant, so that an act about which more is said does not come back as another policy
 * had let it in.
 */
export async function reapplyToWindow(window: ActWindow, policy: PolicyAgain): Promise<WindowAgain> {
  const { tenant, policyVersion, redact, storeIsClean } = policy;
  const slice = createTimeSlice();
  const agents = new Map<string, ReturnType<typeof reappliedAgent>>();
  window.changeContexts(tenant, (context) => {
    const name = `${context.agentName}\n${context.agentId}`;
    const agent = agents.get(name) ?? reappliedAgent(context, redact);
    agents.set(name, agent);
    const isSame = agent.agentName === context.agentName && agent.agentId === context.agentId;
    return isSame ? context : { ...context, ...agent };
  });
  const touched = new Set<Act>();
  let changed = 0;
  for (const act of window.ofTenant(tenant)) {
    if (slice.isOver()) await slice.next();
    const isOlder = act.contributions.some((each) => each.policyVersion !== policyVersion);
    if (isOlder && (storeIsClean || !act.released)) {
      changed += 1;
      window.changeContributions(act, (each) =>
        each.policyVersion === policyVersion ? each : reappliedContribution(each, redact),
      );
    }
    if (!act.changed && !isAsWritten(act, window.inherited(act))) touched.add(act);
  }
  return { changed, touched };
}
