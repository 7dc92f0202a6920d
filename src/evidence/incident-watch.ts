import type { Meter } from '@opentelemetry/api';
import type { EvidenceLink, EvidenceRow } from '../record/evidence.ts';
import type { EvidenceLog } from '../record/evidence-log.ts';
import type { IncidentRecord, IncidentStatus, IncidentSummary } from '../record/incident-record.ts';
import type { RecordService } from '../record/record-service.ts';
import type { SeenChange, SignalReader, SignalScope } from '../record/service-signals.ts';
import type { Logger } from '../telemetry/logger.ts';
import { catalogueRows, goneRow } from './catalogue/catalogue-rows.ts';
import { NO_CATALOGUE, type ServiceCatalogue } from './catalogue/service-entry.ts';
import { seenChangeRow } from './changes/change-row.ts';
import { entryIdOf } from './entry-id.ts';
import { ACTIVE, createIncidentGaps } from './incident-gaps.ts';
import { placeInEnvironments } from './incident-environments.ts';
import { incidentWindow } from './incident-window.ts';
import { createSignalRows } from './signals/signal-rows.ts';

export interface IncidentWatchOptions {
  readonly signals: SignalReader;
  readonly evidenceLog: EvidenceLog;
  readonly record: Pick<RecordService, 'list' | 'record' | 'summary' | 'append' | 'index'>;
  /** Whose incidents are watched. */
  readonly tenants: readonly string[];
  readonly catalogue?: (tenant: string) => ServiceCatalogue;
  readonly meter: Meter;
  readonly logger: Logger;
  /** How often new incidents are looked for; 0 leaves it to `refresh`. 1 s when left out. */
  readonly pollMilliseconds?: number;
  readonly clock?: () => number;
}

/**
 * Keeps what the services of an incident show beside it while it goes on: service signals, changes, owners and runbooks, and
 * the agent work that seems to belong to it. One incident after the other.
 */
export interface IncidentWatch {
  start(): void;
  /** Brings one incident up to date now. Idempotent. False when there is no such incident. */
  refresh(tenant: string, refOrId: string): Promise<boolean>;
  close(): Promise<void>;
}

const POLL_MILLISECONDS = 1_000;
/** Seconds since an incident was first seen at which it is looked at again; from then on every minute. */
const EARLY_SECONDS = [0, 5, 15, 30, 60] as const;
const EVERY_MILLISECONDS = 60_000;
/** After a look, whosever it was, nobody is looked at again for three times as long: people and agents need the machine too. */
const REST = 3;
/** Share of the time that later looks at one incident may take. */
const LOAD_SHARE = 0.1;
const INCIDENTS_MAX = 200;
const UNFILED_MAX = 200;
/** Changes before the window that may have caused it. */
const CHANGE_LEAD_NANOSECONDS = 2n * 3_600_000_000_000n;
const AGENT_LEAD_NANOSECONDS = 900_000_000_000n;
const TRACES_SEARCHED_MAX = 10;
const CATALOGUE_KINDS = ['ownership', 'runbook'] as const;
const CATALOGUE_ROWS_MAX = 500;

const ONGOING: readonly IncidentStatus[] = ['triage', 'active', 'mitigated', 'monitoring', 'resolved', 'review'];
interface Watched {
  readonly sinceMilliseconds: number;
  refreshes: number;
  nextMilliseconds: number;
}

export function createIncidentWatch(options: IncidentWatchOptions): IncidentWatch {
  const { signals, evidenceLog, record, logger } = options;
  const clock = options.clock ?? Date.now;
  const catalogue = options.catalogue ?? (() => NO_CATALOGUE);
  const duration = options.meter.createHistogram('docket.evidence.refresh', {
    unit: 's',
    description: 'Time to bring one incident up to date',
  });
  const failures = options.meter.createCounter('docket.evidence.refresh_failures', {
    unit: '{part}',
    description: 'Parts of a refresh that failed, by part',
  });
  const signalRows = createSignalRows({ signals, evidenceLog });
  const watched = new Map<string, Watched>();
  const gaps = createIncidentGaps({ record, meter: options.meter });
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;
  let restUntilMilliseconds = 0;
  let closed = false;

  /** Every incident that was not looked at yet, and of the others the one that has waited longest. */
  async function round(): Promise<void> {
    let longest: { readonly tenant: string; readonly incident: IncidentSummary; readonly since: number } | undefined;
    for (const tenant of options.tenants) {
      const { items } = await record.list(tenant, { status: ONGOING, limit: INCIDENTS_MAX });
      for (const incident of items) {
        if (closed) return;
        const state = watched.get(`${tenant}\n${incident.id}`);
        if (state === undefined) await refreshOne(tenant, incident);
        else if (due(state, incident) && (longest === undefined || state.nextMilliseconds < longest.since)) {
          longest = { tenant, incident, since: state.nextMilliseconds };
        }
      }
    }
    const now = clock();
    if (longest === undefined || closed || now < Math.max(longest.since, restUntilMilliseconds)) return;
    await refreshOne(longest.tenant, longest.incident);
  }

  async function refreshOne(tenant: string, incident: IncidentSummary): Promise<void> {
    const key = `${tenant}\n${incident.id}`;
    const began = clock();
    let state = watched.get(key);
    if (state === undefined) {
      state = { sinceMilliseconds: began, refreshes: 0, nextMilliseconds: 0 };
      watched.set(key, state);
    }
    const scope = incidentWindow(tenant, incident, began);
    // What is there already comes before what has to be compared, which can take seconds.
    await part('catalogue', () => attachCatalogue(tenant, incident));
    await part('reported', () => fileReported(scope, incident));
    await part('agents', () => fileAgents(scope, incident));
    let placed = scope;
    await part('environments', async () => {
      placed = await placeInEnvironments(scope, incident, { signals, gaps });
    });
    let compared = incident.services;
    await part('signals', async () => {
      compared = await writeSignals(placed, incident);
    });
    await part('changes', () => writeChanges(placed, incident, compared));
    const took = clock() - began;
    duration.record(took / 1_000);
    restUntilMilliseconds = clock() + took * REST;
    state.refreshes += 1;
    const early = EARLY_SECONDS[state.refreshes];
    state.nextMilliseconds =
      early === undefined
        ? clock() + Math.max(EVERY_MILLISECONDS, took / LOAD_SHARE)
        : state.sinceMilliseconds + early * 1_000;
  }

  /** One part failing leaves the others their turn. */
  async function part(name: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      failures.add(1, { part: name });
      logger.warn(
        { part: name, error: error instanceof Error ? error.name : 'unknown' },
        'an incident could not be brought up to date',
      );
    }
  }

  /** Answers the services that were compared: those of the incident and those they work with; none for all. */
  async function writeSignals(scope: SignalScope, incident: IncidentSummary): Promise<readonly string[]> {
    const { figures, told } = await signalRows.write(scope, incident.id);
    await gaps.noteUnfinished(scope.tenant, incident, { comparisons: figures, atUnixNano: scope.asOfUnixNano });
    const orphans = told.filter((signal) => signal.sourceFamily.endsWith(':missing_parents'));
    if (orphans.length > 0) {
      const services = orphans.map((signal) => signal.service).slice(0, 5);
      await gaps.open(scope.tenant, incident, 'missing parents', {
        what: `Traces of ${services.join(', ')} have spans whose parent span was not received.`,
        kind: 'missing_telemetry',
        why: 'What called them, and why, cannot be seen.',
        blocks: [],
      });
    }
    return figures.compared;
  }

  async function writeChanges(
    scope: SignalScope,
    incident: IncidentSummary,
    compared: readonly string[],
  ): Promise<void> {
    const earlier = { ...scope, baselineFromUnixNano: scope.fromUnixNano - CHANGE_LEAD_NANOSECONDS };
    const found = await signals.changes(earlier, compared);
    await gaps.noteUnfinished(scope.tenant, incident, { comparisons: found, atUnixNano: scope.asOfUnixNano });
    const changed = Object.values(found).flatMap(({ rows, query }) =>
      rows.map((change) =>
        seenChangeRow(scope.tenant, change, {
          incidentId: incident.id,
          link: changeLink(scope, incident, change),
          query,
          asOfUnixNano: scope.asOfUnixNano,
        }),
      ),
    );
    const known = await evidenceLog.existing(
      scope.tenant,
      incident.id,
      changed.map((row) => row.id),
    );
    const fresh = changed.filter((row) => !known.has(row.id));
    if (fresh.length > 0) await evidenceLog.put(fresh);
  }

  /** Bound when a binding of the incident covers the service then; inferred from service and time otherwise. */
  function changeLink(scope: SignalScope, incident: IncidentSummary, change: SeenChange): EvidenceLink {
    const bound = record.index.resolve(scope.tenant, {
      refs: [],
      traceId: change.traceId,
      conversationId: '',
      sessionId: '',
      agent: '',
      service: change.service,
      environment: change.environment,
      occurredAtUnixNano: change.firstSeenUnixNano,
      namedTraceIds: [],
    });
    const held = bound.find((each) => each.incidentId === incident.id);
    if (held !== undefined) return held.link;
    return scope.services.includes(change.service)
      ? inferred(`change of ${change.service}, a service of the incident, in or shortly before its window`, 0.8)
      : inferred(`change of ${change.service} in or shortly before the incident's window`, 0.4);
  }

  /** Changes and alerts that were reported before the incident was opened, or name it only by their service and time. */
  async function fileReported(scope: SignalScope, incident: IncidentSummary): Promise<void> {
    if (scope.services.length === 0) return;
    for (const service of scope.services.slice(0, 20)) {
      const { items } = await evidenceLog.unfiled(scope.tenant, {
        kinds: ['change', 'alert'],
        service,
        fromUnixNano: scope.fromUnixNano - CHANGE_LEAD_NANOSECONDS,
        toUnixNano: scope.toUnixNano,
        limit: UNFILED_MAX,
      });
      for (const kind of ['change', 'alert'] as const) {
        const ids = items.filter((row) => row.kind === kind && inPlace(row, incident)).map((row) => row.id);
        const link = inferred(`${kind} of ${service}, a service of the incident, in or shortly before its window`, 0.8);
        await evidenceLog.file(scope.tenant, incident.id, ids, link);
      }
    }
  }

  /** Work of the responders' own agents, and work on traces of the incident, that nothing else ties to an incident. */
  async function fileAgents(scope: SignalScope, incident: IncidentSummary): Promise<void> {
    const found = await record.record(scope.tenant, incident.id);
    if (found === undefined) return;
    const window = { fromUnixNano: scope.fromUnixNano - AGENT_LEAD_NANOSECONDS, toUnixNano: scope.toUnixNano };
    for (const agent of respondingAgents(found)) {
      const { items } = await evidenceLog.unfiled(scope.tenant, { ...window, actor: agent, limit: UNFILED_MAX });
      await evidenceLog.file(
        scope.tenant,
        incident.id,
        items.filter((row) => row.actor.kind === 'agent').map((row) => row.id),
        inferred(`responder's agent ${agent} active in the window`, 0.7),
      );
    }
    const { items: own } = await evidenceLog.page(scope.tenant, incident.id, {
      kinds: ['trace', 'error', 'alert'],
      limit: 50,
    });
    const traceIds = new Set([
      ...record.index.boundTraces(scope.tenant, incident.id),
      ...own.map((row) => row.source.traceId).filter((id) => id !== ''),
    ]);
    const searched = [...traces(traceIds)].slice(0, TRACES_SEARCHED_MAX);
    if (searched.length === 0) return;
    // Tools name a trace by its 64 lower bits (some in decimal) or by its first digits as well; all are found as part of the text.
    // All traces at once: reading the content of every unfiled call costs more than comparing telemetry.
    const { items } = await evidenceLog.unfiled(scope.tenant, {
      ...window,
      kinds: ['tool_call'],
      anyOf: searched.flatMap((traceId) => [traceId.slice(16), decimalOf(traceId), traceId.slice(0, 16)]),
      limit: UNFILED_MAX,
    });
    for (const traceId of searched) {
      const ids = items.filter((row) => names(row, traceId)).map((row) => row.id);
      await evidenceLog.file(scope.tenant, incident.id, ids, inferred(`names trace ${traceId}`, 0.6));
    }
  }

  async function attachCatalogue(tenant: string, incident: IncidentSummary): Promise<void> {
    const known = catalogue(tenant);
    if (!known.configured) return;
    const at = BigInt(clock()) * 1_000_000n;
    const rows = incident.services.flatMap((service) => {
      const entry = known.find(service);
      return entry === undefined ? [] : catalogueRows(tenant, incident.id, entry, at);
    });
    const { items } = await evidenceLog.page(tenant, incident.id, {
      kinds: CATALOGUE_KINDS,
      limit: CATALOGUE_ROWS_MAX,
    });
    const held = new Map(items.filter((row) => row.dialect === 'catalogue').map((row) => [row.id, row]));
    const learned = await learnedSince(tenant, incident, rows);
    // What fills a gap is written again: an `ownership` row may have been there before anybody was named in it.
    const filling = new Set(learned.flatMap((each) => each.rows.map((row) => row.id)));
    const fresh = rows.filter((row) => filling.has(row.id) || held.get(row.id)?.summary !== row.summary);
    // Who was woken because of it, and what was done by it, is cited: what the catalogue takes back is told so, not removed.
    for (const { id } of rows) held.delete(id);
    const gone = [...held.values()]
      .filter((row) => row.facts['pastSince'] === undefined)
      .map((row) => goneRow(row, at));
    if (fresh.length + gone.length > 0) await evidenceLog.put([...fresh, ...gone]);
    for (const { gap, rows: basis } of learned) {
      await gaps.fill(tenant, incident, gap, basis.map((row) => row.summary).join('; '), basis);
    }
    for (const service of incident.services.slice(0, 20)) {
      const entry = known.find(service);
      if ((entry?.owners.length ?? 0) === 0) {
        await gaps.open(tenant, incident, `owner ${service}`, {
          what: `Nobody is known to own ${service}.`,
          kind: 'unknown_owner',
          why: 'Nobody can be asked about it, or for it.',
          blocks: [],
        });
      }
      if ((entry?.runbooks.length ?? 0) === 0) {
        await gaps.open(tenant, incident, `runbook ${service}`, {
          what: `No runbook is known for ${service}.`,
          kind: 'unanswered',
          why: 'What its people do about failures like this is not written where it can be found.',
          blocks: [],
        });
      }
    }
  }

  /** Open gaps of owners and runbooks that the catalogue's rows answer. The record is read only while one may be open. */
  async function learnedSince(
    tenant: string,
    incident: IncidentSummary,
    rows: readonly EvidenceRow[],
  ): Promise<readonly { readonly gap: string; readonly rows: readonly EvidenceRow[] }[]> {
    const answers = new Map<string, EvidenceRow[]>();
    for (const service of incident.services.slice(0, 20)) {
      const ofService = rows.filter((row) => row.service === service);
      const named = ofService.filter((row) => row.kind === 'ownership' && ownersOf(row).length > 0);
      const runbooks = ofService.filter((row) => row.kind === 'runbook');
      if (named.length > 0) answers.set(entryIdOf(tenant, incident.id, `owner ${service}`), named);
      if (runbooks.length > 0) answers.set(entryIdOf(tenant, incident.id, `runbook ${service}`), runbooks);
    }
    const open = await gaps.openAmong(tenant, incident, [...answers.keys()]);
    return [...answers].flatMap(([gap, basis]) => (open.has(gap) ? [{ gap, rows: basis }] : []));
  }

  return {
    start() {
      const poll = options.pollMilliseconds ?? POLL_MILLISECONDS;
      if (poll === 0) return;
      timer = setInterval(() => {
        running ??= round()
          .catch((error: unknown) => {
            logger.warn({ error: error instanceof Error ? error.name : 'unknown' }, 'incidents could not be looked at');
          })
          .finally(() => {
            running = undefined;
          });
      }, poll);
      timer.unref();
    },
    async refresh(tenant, refOrId) {
      const incident = await record.summary(tenant, refOrId);
      if (incident === undefined) return false;
      await refreshOne(tenant, incident);
      return true;
    },
    async close() {
      closed = true;
      clearInterval(timer);
      await running;
    },
  };
}

/** One that is over is looked at twice: when it is first seen, and once after it ended. */
function due(state: Watched, incident: IncidentSummary): boolean {
  if (ACTIVE.has(incident.status)) return true;
  return state.refreshes < 2;
}

function inferred(rule: string, score: number): EvidenceLink {
  return { mode: 'inferred', rule, score };
}

/** Owners that an `ownership` row names. */
function ownersOf(row: EvidenceRow): readonly unknown[] {
  const owners = row.facts['owners'];
  return Array.isArray(owners) ? owners : [];
}

/** True when the row's environment is not another than the incident's. */
function inPlace(row: EvidenceRow, incident: IncidentSummary): boolean {
  return (
    row.environment === '' || incident.environments.length === 0 || incident.environments.includes(row.environment)
  );
}

function respondingAgents(found: IncidentRecord): readonly string[] {
  const actors = [
    ...found.participants.filter((each) => each.leftAt === null).map((each) => each.actor),
    ...found.responsibilities.filter((each) => each.held).map((each) => each.holder),
  ];
  return [...new Set(actors.filter((actor) => actor.kind === 'agent').map((actor) => actor.name))].slice(0, 20);
}

function* traces(ids: ReadonlySet<string>): Generator<string> {
  for (const id of ids) if (/^[0-9a-f]{32}$/.test(id) && !/^0+$/.test(id.slice(16))) yield id;
}

/** The 64 lower bits as Datadog writes them. */
function decimalOf(traceId: string): string {
  return BigInt(`0x${traceId.slice(16)}`).toString();
}

/** True when the row's text has the trace's id: whole, its first 16 digits or more, or its 64 lower bits alone. */
function names(row: EvidenceRow, traceId: string): boolean {
  const text = [row.summary, ...Object.values(row.content).map((each) => each.value ?? '')].join('\n');
  const low = traceId.slice(16);
  const decimal = decimalOf(traceId);
  for (const [found] of text.matchAll(/(?<![0-9a-z])[0-9a-f]{16,32}(?![0-9a-z])/gi)) {
    const digits = found.toLowerCase();
    if (traceId.startsWith(digits) || digits === low || digits === low.padStart(32, '0') || digits === decimal)
      return true;
  }
  return false;
}
