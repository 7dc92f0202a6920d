import { sealEntries } from './chain.ts';
import { DOCKET_ACTOR } from './actor.ts';
import { GENESIS } from './chain.ts';
import type { RecordLog } from './record-log.ts';
import { uuidv7 } from 'uuidv7';

/**
 * Where several processes open incidents, a ref is taken by whoever writes the first entry of the log that is named after
 * it: of several writers of one (log, seq) exactly one wins, which is all that a log promises and all this needs.
 */
const CLAIM_PREFIX = 'ref:';

/** True for the log that only holds a claim: no incident. */
export function isClaimLog(incidentId: string): boolean {
  return incidentId.startsWith(CLAIM_PREFIX);
}

/** Takes the ref for the incident, for good; `taken` when another incident has it. Claiming again for the same is fine. */
export async function claimRef(
  recordLog: RecordLog,
  claim: { readonly tenant: string; readonly ref: string; readonly incidentId: string; readonly now: Date },
): Promise<'claimed' | 'taken'> {
  const incident = `${CLAIM_PREFIX}${claim.ref}`;
  const at = claim.now.toISOString();
  const [first] = await recordLog.read(claim.tenant, incident);
  if (first !== undefined) return first.body['incident'] === claim.incidentId ? 'claimed' : 'taken';
  const entries = sealEntries(GENESIS, [
    {
      tenant: claim.tenant,
      incident,
      entryId: uuidv7(),
      type: 'ref.claim',
      actor: DOCKET_ACTOR,
      occurredAt: at,
      recordedAt: at,
      body: { ref: claim.ref, incident: claim.incidentId },
      basis: [],
    },
  ]);
  const outcome = await recordLog.append(entries);
  return outcome.kind === 'appended' ? 'claimed' : 'taken';
}
