import { randomBytes } from 'node:crypto';
import { uuidv7 } from 'uuidv7';
import type { Logger } from '../telemetry/logger.ts';
import { actorSchema, DOCKET_ACTOR, sameActor, type Actor } from './actor.ts';
import { canonicalJson } from './canonical-json.ts';
import { entryKindOf } from './catalogue.ts';
import {
  cannotErase,
  inFuture,
  invalidBody,
  invalidCommand,
  notAllowed,
  tooLarge,
  unknownBasis,
  unknownType,
} from './command-refusal.ts';
import { commandSchema } from './command-schema.ts';
import type { ContentEraser } from './content-erasure.ts';
import type { Entry, EntryDraft } from './entry.ts';
import {
  fieldProblems,
  type DecisionContext,
  type JsonObject,
  type ParsedEntry,
  type PolicyDecision,
} from './entry-kind.ts';
import {
  applyCited,
  citedFact,
  contentDigest,
  evidenceAddRequest,
  evidenceFromRequest,
  evidenceHappened,
  type EvidenceAddRequest,
} from './evidence-by-hand.ts';
import type { EvidenceLog } from './evidence-log.ts';
import type { EvidenceVersions } from './evidence-version.ts';
import type { EvidenceRow } from './evidence.ts';
import { isKnown, type IncidentState } from './incident-state.ts';
import { fittedBody } from './fitted-body.ts';
import type { RecordHeadRef } from './incident-record.ts';
import type { RecordInstruments } from './instruments.ts';
import type { LiveIncident } from './live-incident.ts';
import type { LiveIncidents } from './live-incidents.ts';
import { normalised } from './normalised-body.ts';
import type { RecordPolicy } from './record-policy.ts';
import type { Appended, Command, CommandResult } from './record-service.ts';
import type { FieldProblem, Rejection } from './rejection.ts';
import { scrubTexts, type ScrubText } from './scrub-texts.ts';

export interface IncidentCommandsOptions {
  readonly incidents: LiveIncidents;
  readonly evidenceLog: EvidenceLog;
  readonly instruments: RecordInstruments;
  readonly logger: Logger;
  readonly policy: RecordPolicy;
  readonly clock: () => Date;
  readonly sharedLog: boolean;
  readonly scrub: ScrubText | undefined;
  readonly evidenceVersions: EvidenceVersions | undefined;
  readonly eraser: ContentEraser | undefined;
  readonly findPolicyDecision:
    | ((tenant: string, decisionId: string) => Promise<PolicyDecision | undefined>)
    | undefined;
  /** Whether the tenant has an incident by that id or ref. */
  readonly knowsIncident: (tenant: string, refOrId: string) => boolean;
  /** What signs a head into the log; undefined where there is no key. */
  readonly seal: ((tenant: string, incidentId: string) => DecisionContext['seal']) | undefined;
  /** After an entry that signs: its head is anchored like any other. */
  readonly signHead: (live: LiveIncident) => Promise<void>;
}

/** Decides commands about incidents that are there, and appends what comes of them. */
export interface IncidentCommands {
  append(tenant: string, refOrId: string, actor: Actor, command: Command): Promise<CommandResult>;
  /** The same within work that holds the incident already. */
  appendNow(tenant: string, incidentId: string, actor: Actor, command: Command): Promise<CommandResult>;
}

const MAX_BODY_BYTES = 128 * 1024;
const MAX_ATTEMPTS = 8;
const MAX_CHANGED = 100;

export function createIncidentCommands(options: IncidentCommandsOptions): IncidentCommands {
  const { incidents, evidenceLog, instruments, logger, policy, clock, eraser } = options;

  async function append(tenant: string, refOrId: string, actor: Actor, command: Command): Promise<CommandResult> {
    const started = performance.now();
    const incidentId = await incidents.find(tenant, refOrId);
    if (incidentId === undefined) return { kind: 'unknown_incident' };
    const result = await incidents.exclusively(tenant, incidentId, () => appendNow(tenant, incidentId, actor, command));
    instruments.appendSeconds.record((performance.now() - started) / 1000, { result: result.kind });
    if (result.kind === 'rejected') instruments.rejections.add(1, { code: result.rejection.code });
    if (result.kind === 'conflict') instruments.conflicts.add(1, { code: result.code });
    return result;
  }

  async function appendNow(
    tenant: string,
    incidentId: string,
    actor: Actor,
    untrusted: Command,
  ): Promise<CommandResult> {
    const checked = checkCommand(tenant, incidentId, actor, untrusted);
    if (!checked.ok) return rejected(checked.rejection);
    const { command } = checked;
    const kind = entryKindOf(command.type);
    if (kind === undefined) return rejected(unknownType());
    if (command.type === 'content.erase' && eraser === undefined) return rejected(cannotErase());
    const isEvidence = command.type === 'evidence.add';
    const schema = isEvidence ? evidenceAddRequest : kind.schema;
    const body = fittedBody(schema, command.body, untrusted.body);
    if (!body.success) return rejected(invalidBody(fieldProblems(body.error)));
    if (Buffer.byteLength(canonicalJson(body.data)) > MAX_BODY_BYTES) return rejected(tooLarge(MAX_BODY_BYTES));

    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      const live = await incidents.load(tenant, incidentId);
      if (options.sharedLog && attempt === 0) await incidents.refresh(live);
      const { state } = live;
      if (command.entryId !== undefined) {
        const seq = state.seqByEntryId.get(command.entryId);
        const earlier = seq === undefined ? undefined : live.entries[seq - 1];
        if (earlier !== undefined) {
          const same = isEvidence
            ? await repeatsEvidence(earlier, actor, body.data as EvidenceAddRequest, command)
            : repeats(earlier, actor, command.type, body.data, command.basis);
          if (!same) return reused(state.head);
          // What could not be destroyed when it was entered is destroyed when it is sent again.
          if (earlier.type === 'content.erase') await eraseContent(state, earlier);
          return { kind: 'repeated', ...appendedOf(earlier, state.head) };
        }
      }
      if (command.expectedSeq !== undefined && command.expectedSeq !== state.head.seq) {
        return {
          kind: 'conflict',
          code: 'record.stale_expected_seq',
          message: `The record is at entry ${state.head.seq}, not ${command.expectedSeq}.`,
          head: state.head,
          changed: live.entries.slice(command.expectedSeq, command.expectedSeq + MAX_CHANGED),
        };
      }
      if (!kind.allowed.includes(actor.kind)) return rejected(notAllowed(command.type, kind.allowed));
      const now = clock();
      const occurredAt = command.occurredAt ?? now.toISOString();
      const ahead = inFuture({ occurredAt }, now, 'command');
      if (ahead !== undefined) return rejected(ahead);
      const entryId = command.entryId ?? uuidv7();

      let logged = body.data as JsonObject;
      let row: EvidenceRow | undefined;
      if (isEvidence) {
        const made = evidenceFromRequest({
          tenant,
          incidentId,
          actor,
          entryId,
          request: body.data as EvidenceAddRequest,
          occurredAt,
          receivedAt: now,
          salt: randomBytes(32).toString('hex'),
          policyVersion: policy.version,
        });
        logged = made.body;
        row = made.row;
      }
      const parsed = kind.parse(logged);
      if (!parsed.ok) return rejected(invalidBody(parsed.fields));
      const early = inFuture(
        isEvidence ? evidenceHappened(body.data as EvidenceAddRequest) : parsed.parsed.happened,
        now,
      );
      if (early !== undefined) return rejected(early);
      const cited = await citations(state, parsed.parsed, command.basis);
      if (cited.unknown.length > 0) return rejected(unknownBasis(command.type, namedAt(command, cited.unknown)));
      const context: DecisionContext = {
        actor,
        now,
        entryId,
        basis: command.basis,
        policy,
        policyDecision: await policyDecision(tenant, command.policyDecision),
        knowsIncident: (other) => options.knowsIncident(tenant, other),
        seal: options.seal?.(tenant, incidentId),
      };
      const ruling = parsed.parsed.decide(withCited(state, cited.facts), context);
      if (ruling.kind === 'rejected') return rejected(ruling.rejection);

      const docket: JsonObject = {
        ...ruling.docket,
        ...(cited.facts.length === 0 ? {} : { cited: cited.facts }),
      };
      const base = { tenant, incident: incidentId, occurredAt, recordedAt: now.toISOString() };
      const drafts: EntryDraft[] = [
        {
          ...base,
          entryId,
          type: command.type,
          actor,
          body: Object.keys(docket).length === 0 ? parsed.parsed.body : { ...parsed.parsed.body, docket },
          basis: command.basis,
          ...(command.policyDecision === undefined ? {} : { policyDecision: command.policyDecision }),
          ...(command.traceId === undefined ? {} : { traceId: command.traceId }),
          ...(command.spanId === undefined ? {} : { spanId: command.spanId }),
        },
        ...ruling.followOns.map((follow) => ({
          ...base,
          entryId: uuidv7(),
          type: follow.type,
          actor: follow.actor ?? DOCKET_ACTOR,
          body: normalised(follow.type, follow.body),
          basis: [entryId],
        })),
      ];
      // Jumping the queue between here and `append` is what `conflict` is for; the row may wait, the log may not dangle.
      if (row !== undefined) await evidenceLog.put([row]);
      const outcome = await incidents.commit(live, drafts);
      if (outcome === 'conflict') {
        instruments.conflicts.add(1, { code: 'record.lost_seq' });
        await incidents.refresh(live);
        continue;
      }
      const [first] = outcome.entries;
      if (first === undefined) throw new Error('an accepted command made no entry');
      if (first.type === 'content.erase') await eraseContent(state, first);
      // What the entry carries is the head before it; the one with it is anchored like any other.
      if (first.type === 'checkpoint.sign') await options.signHead(live);
      return { kind: 'appended', ...appendedOf(first, state.head) };
    }
    const { state } = await incidents.load(tenant, incidentId);
    return {
      kind: 'conflict',
      code: 'record.busy',
      message: 'Other writers kept taking the next place in the log.',
      head: state.head,
      changed: [],
    };
  }

  /** The entry is first and says so; the content goes now, and again if this fails and the command is repeated. */
  async function eraseContent(state: IncidentState, entry: Entry): Promise<void> {
    const { evidence } = entry.body;
    if (typeof evidence !== 'string' || eraser === undefined) return;
    await eraser.erase(state.tenant, evidence, clock());
    options.evidenceVersions?.changed(state.tenant);
  }

  /** Which evidence a command cites for the first time, and which ids name nothing of this incident. */
  async function citations(
    state: IncidentState,
    parsed: ParsedEntry,
    basis: readonly string[],
  ): Promise<{ readonly facts: readonly JsonObject[]; readonly unknown: readonly string[] }> {
    const fresh = [...new Set([...parsed.cites, ...basis])].filter((id) => !isKnown(state, id));
    if (fresh.length === 0) return { facts: [], unknown: [] };
    const rows = await Promise.all(fresh.map((id) => evidenceLog.get(state.tenant, state.id, id)));
    return {
      facts: rows.flatMap((row) => (row === undefined ? [] : [citedFact(row)])),
      unknown: fresh.filter((_, position) => rows[position] === undefined),
    };
  }

  async function policyDecision(tenant: string, id: string | undefined): Promise<PolicyDecision | undefined> {
    if (id === undefined || options.findPolicyDecision === undefined) return undefined;
    try {
      return await options.findPolicyDecision(tenant, id);
    } catch (error) {
      logger.warn(
        { error: error instanceof Error ? error.name : 'unknown' },
        'a policy decision could not be read; that denies',
      );
      return undefined;
    }
  }

  async function repeatsEvidence(
    earlier: Entry,
    actor: Actor,
    request: EvidenceAddRequest,
    command: { readonly basis: readonly string[] },
  ): Promise<boolean> {
    if (earlier.type !== 'evidence.add' || !sameActor(earlier.actor, actor)) return false;
    if (canonicalJson(earlier.basis) !== canonicalJson(command.basis)) return false;
    const { evidence } = earlier.body;
    if (typeof evidence !== 'string') return false;
    const row = await evidenceLog.get(earlier.tenant, earlier.incident, evidence);
    const salt = row?.facts['salt'];
    return typeof salt === 'string' && contentDigest(request, salt) === earlier.body['digest'];
  }

  function checkCommand(tenant: string, incidentId: string, actor: Actor, untrusted: Command) {
    const who = actorSchema.safeParse(actor);
    if (!who.success) return { ok: false as const, rejection: invalidCommand(fieldProblems(who.error, 'actor')) };
    const scrubbed = scrubTexts(untrusted, options.scrub, { tenant, incidentId });
    if (!scrubbed.ok) return scrubbed;
    const command = commandSchema.safeParse(scrubbed.value);
    if (!command.success)
      return { ok: false as const, rejection: invalidCommand(fieldProblems(command.error, 'command')) };
    return { ok: true as const, command: command.data };
  }

  return { append, appendNow };
}

export function rejected(rejection: Rejection): { readonly kind: 'rejected'; readonly rejection: Rejection } {
  return { kind: 'rejected', rejection };
}

/** Where a command names ids that are not of the incident; never the ids. */
function namedAt(command: { readonly body: unknown; readonly basis: readonly string[] }, ids: readonly string[]) {
  const unknown = new Set(ids);
  const fields: FieldProblem[] = [];
  const look = (value: unknown, path: string): void => {
    if (typeof value === 'string') {
      if (unknown.has(value)) fields.push({ path, message: 'names nothing of this incident' });
    } else if (Array.isArray(value)) {
      value.forEach((item, index) => look(item, `${path}[${index}]`));
    } else if (typeof value === 'object' && value !== null) {
      for (const [key, item] of Object.entries(value)) look(item, `${path}.${key}`);
    }
  };
  look(command.body, 'body');
  look(command.basis, 'basis');
  return fields.slice(0, 100);
}

/** Where an entry stands, as its sender is told. */
export function appendedOf(entry: Entry, head: RecordHeadRef): Appended {
  return { seq: entry.seq, hash: entry.hash, entryId: entry.entryId, incidentId: entry.incident, head };
}

// Only what the sender chose is compared: what Docket added, and when it was sent, may differ.
function repeats(earlier: Entry, actor: Actor, type: string, body: unknown, basis: readonly string[]): boolean {
  const { docket: _docket, ...sent } = earlier.body;
  return (
    earlier.type === type &&
    sameActor(earlier.actor, actor) &&
    canonicalJson([sent, earlier.basis]) === canonicalJson([body, basis])
  );
}

/** Another entry has the `entryId`. */
export function reused(head: RecordHeadRef): CommandResult {
  return {
    kind: 'conflict',
    code: 'record.entry_id_reused',
    message: 'Another entry has this entryId. Sending it again must send the same.',
    head,
    changed: [],
  };
}

function withCited(state: IncidentState, facts: readonly JsonObject[]): IncidentState {
  if (facts.length === 0) return state;
  const view = { ...state, evidence: new Map(state.evidence) };
  applyCited(view, { body: { docket: { cited: facts } } });
  return view;
}
