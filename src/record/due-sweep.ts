import { uuidv7 } from 'uuidv7';
import type { Logger } from '../telemetry/logger.ts';
import { DOCKET_ACTOR } from './actor.ts';
import { entryKindOf } from './catalogue.ts';
import { CheckpointConflict, type CheckpointSigner } from './checkpoint-signer.ts';
import type { ContentEraser } from './content-erasure.ts';
import { eachIncident } from './each-incident.ts';
import type { EntryDraft } from './entry.ts';
import type { FollowOn } from './entry-kind.ts';
import { citedFact } from './evidence-by-hand.ts';
import type { CensusReader } from './evidence-census.ts';
import type { EvidenceLog } from './evidence-log.ts';
import type { EvidenceQueries, MutatingCall } from './evidence-queries.ts';
import type { EvidenceVersions } from './evidence-version.ts';
import { isKnown, isOver, type IncidentState } from './incident-state.ts';
import type { LiveIncident } from './live-incident.ts';
import type { LiveIncidents } from './live-incidents.ts';
import { normalised } from './normalised-body.ts';
import { mutatingCallOf, overdueEntries, unapprovedMutations } from './overdue.ts';
import { queryAimOf } from './query-aim.ts';
import type { RecordPolicy } from './record-policy.ts';

export interface DueSweepOptions {
  readonly incidents: LiveIncidents;
  readonly evidenceLog: EvidenceLog;
  readonly census: CensusReader;
  readonly logger: Logger;
  readonly policy: RecordPolicy;
  readonly clock: () => Date;
  readonly sharedLog: boolean;
  readonly queries: EvidenceQueries | undefined;
  readonly evidenceVersions: EvidenceVersions | undefined;
  readonly checkpoints: CheckpointSigner | undefined;
  readonly eraser: ContentEraser | undefined;
}

/** Enters what time has made due, and signs heads that moved. */
export interface DueSweep {
  /** Looks at every incident, whatever becomes of the others; then throws the first failure, if there was one. */
  sweep(): Promise<void>;
  /** Signs one head, unless the log disagrees with what was signed of it. */
  signHead(live: LiveIncident): Promise<void>;
}

const MAX_CALLS_PER_READ = 500;

/** What the last sweep of an incident looked at. */
interface Swept {
  /** Mutating calls that an approved action accounts for. */
  readonly accounted: Set<string>;
  version: number | null;
  seq: number;
}

export function createDueSweep(options: DueSweepOptions): DueSweep {
  const { incidents, evidenceLog, census, logger, policy, clock, queries, evidenceVersions, checkpoints, eraser } =
    options;
  const swept = new WeakMap<LiveIncident, Swept>();

  function sweptOf(live: LiveIncident): Swept {
    let known = swept.get(live);
    if (known === undefined) {
      known = { accounted: new Set(), version: null, seq: 0 };
      swept.set(live, known);
    }
    return known;
  }

  function* everyIncident() {
    for (const tenant of incidents.tenants()) {
      for (const summary of incidents.summaries(tenant).values()) yield { tenant, summary };
    }
  }

  async function sweep(): Promise<void> {
    await eachIncident(everyIncident(), async ({ tenant, summary: { id, status, head } }) => {
      const signed = checkpoints === undefined || (checkpoints.latest(tenant, id)?.seq ?? 0) >= head.seq;
      if (isOver(status) && signed) return;
      await incidents.exclusively(tenant, id, async () => {
        if (!isOver(status)) await sweepOne(tenant, id);
        if (checkpoints !== undefined) await signHead(await incidents.load(tenant, id));
      });
    });
  }

  async function signHead(live: LiveIncident): Promise<void> {
    const { tenant, id, head } = live.state;
    if (checkpoints === undefined || !live.verified || head.seq === 0) return;
    try {
      await checkpoints.sign(tenant, id, head);
    } catch (error) {
      if (!(error instanceof CheckpointConflict)) throw error;
      live.verified = false;
      logger.error({ incident: id, seq: error.signed.seq }, 'the log disagrees with what was signed of it');
    }
  }

  async function sweepOne(tenant: string, incidentId: string): Promise<void> {
    const live = await incidents.load(tenant, incidentId);
    const { state } = live;
    const before = sweptOf(live);
    const now = clock();
    const version = evidenceVersions?.of(tenant, incidentId) ?? null;
    // Calls are judged again when evidence came or the record moved on, not every half minute for the same answer.
    const quiet = version !== null && !options.sharedLog && before.version === version && before.seq === state.head.seq;
    const calls = quiet ? [] : await mutatingCalls(tenant, incidentId);
    if (!quiet) for (const [id] of state.erased) await eraser?.erase(tenant, id, now);
    const unapproved = unapprovedMutations(state, calls, before.accounted);
    const aim = (await census.aim(tenant, incidentId, queryAimOf(state), true)) ?? null;
    const due = [...overdueEntries(state, now, policy, aim), ...unapproved];
    if (due.length > 0) {
      const drafts = await Promise.all(due.map((entry) => draftOf(state, entry, now)));
      // Lost to another writer: the next sweep looks again at what is there then.
      if ((await incidents.commit(live, drafts)) === 'conflict') return incidents.refresh(live);
    }
    const open = new Set(unapproved.flatMap((each) => each.body['blocks']));
    for (const call of calls) if (!open.has(call.id)) before.accounted.add(call.id);
    before.version = version;
    before.seq = state.head.seq;
  }

  async function draftOf(state: IncidentState, entry: FollowOn, now: Date): Promise<EntryDraft> {
    const cited = await Promise.all(
      citedIn(entry).map(async (id) => {
        const row = isKnown(state, id) ? undefined : await evidenceLog.get(state.tenant, state.id, id);
        return row === undefined ? [] : [citedFact(row)];
      }),
    );
    const facts = cited.flat();
    const body = normalised(entry.type, entry.body);
    return {
      tenant: state.tenant,
      incident: state.id,
      occurredAt: now.toISOString(),
      recordedAt: now.toISOString(),
      entryId: uuidv7(),
      type: entry.type,
      actor: DOCKET_ACTOR,
      body: facts.length === 0 ? body : { ...body, docket: { cited: facts } },
      basis: [],
    };
  }

  async function mutatingCalls(tenant: string, incidentId: string): Promise<readonly MutatingCall[]> {
    if (queries !== undefined) return queries.mutatingCalls(tenant, incidentId);
    const calls: MutatingCall[] = [];
    let cursor: string | null = null;
    do {
      const page = await evidenceLog.page(tenant, incidentId, {
        kinds: ['tool_call'],
        limit: MAX_CALLS_PER_READ,
        ...(cursor === null ? {} : { cursor }),
      });
      calls.push(...page.items.flatMap((row) => mutatingCallOf(row) ?? []));
      cursor = page.next;
    } while (cursor !== null);
    return calls.reverse();
  }

  return { sweep, signHead };
}

function citedIn(entry: FollowOn): readonly string[] {
  const result = entryKindOf(entry.type)?.parse(entry.body);
  return result?.ok === true ? result.parsed.cites : [];
}
