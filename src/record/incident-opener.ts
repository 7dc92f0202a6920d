import { uuidv7 } from 'uuidv7';
import { actorSchema, sameActor, type Actor } from './actor.ts';
import { bindingRule, bindingSchema, selectorOf } from './binding.ts';
import { canonicalJson } from './canonical-json.ts';
import { inFuture, invalidBody, invalidCommand } from './command-refusal.ts';
import { openIncidentSchema } from './command-schema.ts';
import { fieldProblems, type JsonObject } from './entry-kind.ts';
import type { EntryDraft } from './entry.ts';
import type { EvidenceLog } from './evidence-log.ts';
import { appendedOf, rejected, type IncidentCommands } from './incident-commands.ts';
import { createIncidentState } from './incident-state.ts';
import { liveIncidentOf } from './live-incident.ts';
import type { LiveIncidents } from './live-incidents.ts';
import type { LiveIndex } from './live-index.ts';
import type { RecordLog } from './record-log.ts';
import type { BindResult, OpenIncident, OpenResult } from './record-service.ts';
import { claimRef } from './ref-claim.ts';
import { scrubTexts, type ScrubText } from './scrub-texts.ts';
import { summaryOf } from './incident-summary.ts';

export interface IncidentOpenerOptions {
  readonly incidents: LiveIncidents;
  readonly commands: IncidentCommands;
  readonly recordLog: RecordLog;
  readonly evidenceLog: EvidenceLog;
  readonly index: LiveIndex;
  readonly clock: () => Date;
  readonly sharedLog: boolean;
  readonly scrub: ScrubText | undefined;
}

/** Opens incidents under a ref that nobody else has, and binds telemetry to them. */
export interface IncidentOpener {
  open(tenant: string, actor: Actor, request: OpenIncident): Promise<OpenResult>;
  bind(tenant: string, refOrId: string, actor: Actor, binding: unknown): Promise<BindResult>;
}

const MAX_REF_ATTEMPTS = 1_000;

export function createIncidentOpener(options: IncidentOpenerOptions): IncidentOpener {
  const { incidents, commands, recordLog, evidenceLog, index, clock } = options;

  async function open(tenant: string, actor: Actor, request: OpenIncident): Promise<OpenResult> {
    const who = actorSchema.safeParse(actor);
    if (!who.success) return rejected(invalidCommand(fieldProblems(who.error, 'actor')));
    const scrubbed = scrubTexts(request, options.scrub, { tenant });
    if (!scrubbed.ok) return rejected(scrubbed.rejection);
    const parsed = openIncidentSchema.safeParse(scrubbed.value);
    if (!parsed.success) return rejected(invalidCommand(fieldProblems(parsed.error, 'body')));
    const wanted = parsed.data;
    const incidentId = wanted.entryId ?? uuidv7();
    // Another process may have opened it for a request that was sent again here.
    if (wanted.entryId !== undefined) await incidents.find(tenant, incidentId);
    return incidents.exclusively(tenant, incidentId, async (): Promise<OpenResult> => {
      if (index.idOf(tenant, incidentId) === incidentId) return reopened(tenant, incidentId, actor, wanted);
      const now = clock();
      const { firedAt, deployTime } = wanted.trigger ?? {};
      const ahead =
        inFuture({ startedAt: wanted.startedAt }, now) ?? inFuture({ firedAt, deployTime }, now, 'body.trigger');
      if (ahead !== undefined) return rejected(ahead);
      if (wanted.ref !== undefined && !index.reserveRef(tenant, wanted.ref)) {
        const existing = incidents.summaries(tenant).get(index.idOf(tenant, wanted.ref) ?? '') ?? null;
        return {
          kind: 'conflict',
          code: 'incident.ref_taken',
          message: 'Another incident has this ref.',
          existing,
        };
      }
      const ref = wanted.ref ?? (await nextRef(tenant, incidentId, now));
      try {
        if (wanted.ref !== undefined && !(await claimed(tenant, ref, incidentId, now))) {
          return {
            kind: 'conflict',
            code: 'incident.ref_taken',
            message: 'Another incident has this ref.',
            existing: incidents.summaries(tenant).get(index.idOf(tenant, ref) ?? '') ?? null,
          };
        }
        const base = { tenant, incident: incidentId, occurredAt: now.toISOString(), recordedAt: now.toISOString() };
        const { trigger, bind } = wanted;
        const drafts: EntryDraft[] = [
          {
            ...base,
            entryId: incidentId,
            type: 'incident.open',
            actor,
            body: openBody(wanted, ref),
            basis: [],
          },
          ...(trigger === undefined
            ? []
            : [{ ...base, entryId: uuidv7(), type: 'trigger.add', actor, body: json(trigger), basis: [] }]),
          ...bind.map((binding) => ({
            ...base,
            entryId: uuidv7(),
            type: 'binding.add',
            actor,
            body: json(binding),
            basis: [],
          })),
        ];
        const live = liveIncidentOf(createIncidentState(tenant, incidentId), [], true);
        const outcome = await incidents.commit(live, drafts);
        if (outcome === 'conflict') return reusedOpening();
        return { kind: 'opened', incident: summaryOf(live.state), filed: outcome.filed };
      } finally {
        index.releaseRef(tenant, ref);
      }
    });
  }

  /** The next `INC-<n>`, held here and, where others open incidents too, claimed before them. */
  async function nextRef(tenant: string, incidentId: string, now: Date): Promise<string> {
    for (let attempt = 0; attempt < MAX_REF_ATTEMPTS; attempt += 1) {
      const ref = index.allocateRef(tenant);
      try {
        if (await claimed(tenant, ref, incidentId, now)) return ref;
      } catch (error) {
        index.releaseRef(tenant, ref);
        throw error;
      }
      index.skipRef(tenant, ref);
    }
    throw new Error('every ref tried was taken by others');
  }

  async function claimed(tenant: string, ref: string, incidentId: string, now: Date): Promise<boolean> {
    if (!options.sharedLog) return true;
    return (await claimRef(recordLog, { tenant, ref, incidentId, now })) === 'claimed';
  }

  async function reopened(
    tenant: string,
    incidentId: string,
    actor: Actor,
    wanted: ReturnType<typeof openIncidentSchema.parse>,
  ): Promise<OpenResult> {
    const { state, entries } = await incidents.load(tenant, incidentId);
    const [first, ...others] = entries;
    const asked = [
      openBody(wanted, wanted.ref ?? state.ref),
      ...(wanted.trigger === undefined ? [] : [json(wanted.trigger)]),
      ...wanted.bind.map(json),
    ];
    const then = [first, ...others].slice(0, asked.length).map((entry) => entry?.body);
    const openedRef = typeof first?.body['ref'] === 'string' ? first.body['ref'] : '';
    const sameRef = wanted.ref === undefined || wanted.ref === openedRef;
    const same =
      first !== undefined &&
      sameActor(first.actor, actor) &&
      sameRef &&
      canonicalJson(then) === canonicalJson([openBody(wanted, openedRef), ...asked.slice(1)]);
    return same ? { kind: 'repeated', incident: summaryOf(state) } : reusedOpening();
  }

  async function bind(tenant: string, refOrId: string, actor: Actor, binding: unknown): Promise<BindResult> {
    const incidentId = await incidents.find(tenant, refOrId);
    if (incidentId === undefined) return { kind: 'unknown_incident' };
    const parsed = bindingSchema.safeParse(binding);
    if (!parsed.success) return rejected(invalidBody(fieldProblems(parsed.error)));
    const rule = bindingRule(selectorOf(parsed.data));
    return incidents.exclusively(tenant, incidentId, async (): Promise<BindResult> => {
      const live = await incidents.load(tenant, incidentId);
      const existing = live.state.bindings.all().find((each) => each.rule === rule);
      const earlier = existing === undefined ? undefined : live.entries[existing.seq - 1];
      if (earlier !== undefined) {
        // What could not be filed when it was bound is filed when it is bound again.
        const selector = selectorOf(parsed.data);
        await evidenceLog.link(tenant, incidentId, selector, { mode: 'bound', rule, score: 1 });
        return { kind: 'existing', ...appendedOf(earlier, live.state.head) };
      }
      const before = (await evidenceLog.counts(tenant, incidentId)).total;
      const result = await commands.appendNow(tenant, incidentId, actor, {
        type: 'binding.add',
        body: json(parsed.data),
      });
      if (result.kind === 'appended') {
        const { total } = await evidenceLog.counts(tenant, incidentId);
        return { ...result, kind: 'created', filed: Math.max(0, total - before) };
      }
      if (result.kind === 'rejected') return result;
      throw new Error('the log was busy');
    });
  }

  return { open, bind };
}

function reusedOpening(): OpenResult {
  return {
    kind: 'conflict',
    code: 'record.entry_id_reused',
    message: 'Another entry has this entryId. Sending it again must send the same.',
    existing: null,
  };
}

function openBody(wanted: ReturnType<typeof openIncidentSchema.parse>, ref: string): JsonObject {
  const { title, severity, services, environments, startedAt } = wanted;
  return { title, ref, severity, services, environments, ...(startedAt === undefined ? {} : { startedAt }) };
}

/** Drops what is undefined: schemas mark optional keys so, JSON does not know them. */
function json(value: object): JsonObject {
  return JSON.parse(JSON.stringify(value)) as JsonObject;
}
