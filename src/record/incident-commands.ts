import { randomBytes } from 'node:crypto';
import { uuidv7 } from 'uuidv7';
import type { z } from 'zod';
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

type CheckedCommand = z.output<typeof commandSchema>;

/** A command whose form is right, with what its type means. */
interface Prepared {
  readonly command: CheckedCommand;
  readonly kind: NonNullable<ReturnType<typeof entryKindOf>>;
  readonly body: JsonObject;
  /** The same body where the command adds evidence: then a row is made of it, and the entry names the row. */
  readonly evidence: EvidenceAddRequest | undefined;
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
    const prepared = prepare(checked.command, untrusted);
    if ('rejection' in prepared) return rejected(prepared.rejection);
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      const live = await incidents.load(tenant, incidentId);
      if (options.sharedLog && attempt === 0) await incidents.refresh(live);
      const result = await decide(live, actor, prepared);
      if (result !== 'lost_seq') return result;
      instruments.conflicts.add(1, { code: 'record.lost_seq' });
      await incidents.refresh(live);
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

  /** What can be said of a command without looking at the incident. */
  function prepare(command: CheckedCommand, untrusted: Command): Prepared | { readonly rejection: Rejection } {
    const kind = entryKindOf(command.type);
    if (kind === undefined) return { rejection: unknownType() };
    if (command.type === 'content.erase' && eraser === undefined) return { rejection: cannotErase() };
    const isEvidence = command.type === 'evidence.add';
    const schema = isEvidence ? evidenceAddRequest : kind.schema;
    const body = fittedBody(schema, command.body, untrusted.body);
    if (!body.success) return { rejection: invalidBody(fieldProblems(body.error, 'body', schema)) };
    if (Buffer.byteLength(canonicalJson(body.data)) > MAX_BODY_BYTES) return { rejection: tooLarge(MAX_BODY_BYTES) };
    // What its schema let through is a request for evidence.
    const evidence = isEvidence ? (body.data as EvidenceAddRequest) : undefined;
    return { command, kind, body: body.data as JsonObject, evidence };
  }

  /** Decides the command on the record as it is now, and appends; `lost_seq` when somebody else took the place. */
  async function decide(live: LiveIncident, actor: Actor, prepared: Prepared): Promise<CommandResult | 'lost_seq'> {
    const { command, kind } = prepared;
    const { state } = live;
    const settled = (await entered(live, actor, prepared)) ?? outdated(live, command);
    if (settled !== undefined) return settled;
    if (!kind.allowed.includes(actor.kind)) return rejected(notAllowed(command.type, kind.allowed));
    const now = clock();
    const occurredAt = command.occurredAt ?? now.toISOString();
    const ahead = inFuture({ occurredAt }, now, 'command');
    if (ahead !== undefined) return rejected(ahead);
    const entryId = command.entryId ?? uuidv7();
    const made =
      prepared.evidence === undefined
        ? undefined
        : evidenceFromRequest({
            tenant: state.tenant,
            incidentId: state.id,
            actor,
            entryId,
            request: prepared.evidence,
            occurredAt,
            receivedAt: now,
            salt: randomBytes(32).toString('hex'),
            policyVersion: policy.version,
          });
    const result = kind.parse(made === undefined ? prepared.body : made.body);
    if (!result.ok) return rejected(invalidBody(result.fields));
    const { parsed } = result;
    const happened = prepared.evidence === undefined ? parsed.happened : evidenceHappened(prepared.evidence);
    const early = inFuture(happened, now);
    if (early !== undefined) return rejected(early);
    const cited = await citations(state, parsed, command.basis);
    if (cited.unknown.length > 0) return rejected(unknownBasis(command.type, namedAt(command, cited.unknown)));
    const context: DecisionContext = {
      actor,
      now,
      entryId,
      basis: command.basis,
      policy,
      policyDecision: await policyDecision(state.tenant, command.policyDecision),
      knowsIncident: (other) => options.knowsIncident(state.tenant, other),
      seal: options.seal?.(state.tenant, state.id),
    };
    const ruling = parsed.decide(withCited(state, cited.facts), context);
    if (ruling.kind === 'rejected') return rejected(ruling.rejection);

    const docket: JsonObject = {
      ...ruling.docket,
      ...(cited.facts.length === 0 ? {} : { cited: cited.facts }),
    };
    const base = { tenant: state.tenant, incident: state.id, occurredAt, recordedAt: now.toISOString() };
    const drafts: EntryDraft[] = [
      {
        ...base,
        entryId,
        type: command.type,
        actor,
        body: Object.keys(docket).length === 0 ? parsed.body : { ...parsed.body, docket },
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
    // Jumping the queue between here and `append` is what `lost_seq` is for; the row may wait, the log may not dangle.
    if (made !== undefined) await evidenceLog.put([made.row]);
    const outcome = await incidents.commit(live, drafts);
    if (outcome === 'conflict') return 'lost_seq';
    const [first] = outcome.entries;
    if (first === undefined) throw new Error('an accepted command made no entry');
    if (first.type === 'content.erase') await eraseContent(state, first);
    // What the entry carries is the head before it; the one with it is anchored like any other.
    if (first.type === 'checkpoint.sign') await options.signHead(live);
    return { kind: 'appended', ...appendedOf(first, state.head) };
  }

  /** The answer to a command whose `entryId` is in the log already. */
  async function entered(
    { state, entries }: LiveIncident,
    actor: Actor,
    { command, body, evidence }: Prepared,
  ): Promise<CommandResult | undefined> {
    const seq = command.entryId === undefined ? undefined : state.seqByEntryId.get(command.entryId);
    const earlier = seq === undefined ? undefined : entries[seq - 1];
    if (earlier === undefined) return undefined;
    const same =
      evidence === undefined
        ? repeats(earlier, actor, command.type, body, command.basis)
        : await repeatsEvidence(earlier, actor, evidence, command);
    if (!same) return reused(state.head);
    // What could not be destroyed when it was entered is destroyed when it is sent again.
    if (earlier.type === 'content.erase') await eraseContent(state, earlier);
    return { kind: 'repeated', ...appendedOf(earlier, state.head) };
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

/** The answer to a command that was meant for another head than the record has. */
function outdated({ state, entries }: LiveIncident, { expectedSeq }: CheckedCommand): CommandResult | undefined {
  if (expectedSeq === undefined || expectedSeq === state.head.seq) return undefined;
  return {
    kind: 'conflict',
    code: 'record.stale_expected_seq',
    message: `The record is at entry ${state.head.seq}, not ${expectedSeq}.`,
    head: state.head,
    changed: entries.slice(expectedSeq, expectedSeq + MAX_CHANGED),
  };
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
