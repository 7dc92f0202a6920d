import type { Meter } from '@opentelemetry/api';
import type { EvidenceLog } from '../record/evidence-log.ts';
import type { IncidentStatus, IncidentSummary } from '../record/incident-record.ts';
import type { KeyedTurns } from '../record/keyed-turns.ts';
import type { RecordService } from '../record/record-service.ts';
import type { SignalReader, SignalScope } from '../record/service-signals.ts';
import type { Logger } from '../telemetry/logger.ts';
import { createCatalogueAttachment } from './catalogue/catalogue-attachment.ts';
import { NO_CATALOGUE, type ServiceCatalogue } from './catalogue/service-entry.ts';
import { createChangeRows } from './changes/change-rows.ts';
import { ACTIVE, createIncidentGaps } from './incident-gaps.ts';
import { placeInEnvironments } from './incident-environments.ts';
import { incidentWindow } from './incident-window.ts';
import { createSignalRows } from './signals/signal-rows.ts';
import { createUnfiledRows } from './unfiled-rows.ts';

export interface IncidentWatchOptions {
  readonly signals: SignalReader;
  readonly evidenceLog: EvidenceLog;
  readonly record: Pick<RecordService, 'list' | 'record' | 'summary' | 'append' | 'index'>;
  /** Whose incidents are watched. */
  readonly tenants: readonly string[];
  readonly catalogue?: (tenant: string) => ServiceCatalogue;
  /** By tenant; the same as the intake of webhooks has, so that a change that is reported while it looks is one row. */
  readonly changeTurns: KeyedTurns;
  readonly meter: Meter;
  readonly logger: Logger;
  /** How long telemetry is kept; for ever when left out. */
  readonly retentionSeconds?: number;
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
/** Ongoing incidents of a tenant that are watched: the newest. */
const INCIDENTS_MAX = 200;
/** How often those that are left out are counted: every page of the list costs a sort of all. */
const COUNT_MILLISECONDS = 60_000;

const ONGOING: readonly IncidentStatus[] = ['triage', 'active', 'mitigated', 'monitoring', 'resolved', 'review'];

interface Watched {
  readonly sinceMilliseconds: number;
  refreshes: number;
  nextMilliseconds: number;
}

export function createIncidentWatch(options: IncidentWatchOptions): IncidentWatch {
  const { signals, evidenceLog, record, logger } = options;
  const clock = options.clock ?? Date.now;
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
  /** Ongoing incidents beyond those watched, by tenant. */
  const unwatched = new Map<string, number>();
  let countedMilliseconds = -Infinity;
  options.meter
    .createObservableGauge('docket.evidence.unwatched_incidents', {
      unit: '{incident}',
      description: 'Ongoing incidents that are not watched because their tenant has more than 200',
    })
    .addCallback((result) => {
      result.observe([...unwatched.values()].reduce((sum, each) => sum + each, 0));
    });
  const gaps = createIncidentGaps({ record, meter: options.meter });
  const catalogue = createCatalogueAttachment({
    evidenceLog,
    gaps,
    catalogue: options.catalogue ?? (() => NO_CATALOGUE),
    clock,
  });
  const unfiled = createUnfiledRows({ evidenceLog, record });
  const changeRows = createChangeRows({ signals, evidenceLog, index: record.index, turns: options.changeTurns });
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;
  let restUntilMilliseconds = 0;
  let closed = false;

  /** Every incident that was not looked at yet, and of the others the one that has waited longest. */
  async function round(): Promise<void> {
    let longest: { readonly tenant: string; readonly incident: IncidentSummary; readonly since: number } | undefined;
    const ongoing = new Set<string>();
    const counts = clock() - countedMilliseconds >= COUNT_MILLISECONDS;
    if (counts) countedMilliseconds = clock();
    for (const tenant of options.tenants) {
      const { items, next } = await record.list(tenant, { status: ONGOING, limit: INCIDENTS_MAX });
      if (next === null) unwatched.delete(tenant);
      else if (counts) await countUnwatched(tenant, next);
      for (const incident of items) {
        if (closed) return;
        const key = keyOf(tenant, incident);
        ongoing.add(key);
        const state = watched.get(key);
        if (state === undefined) await refreshOne(tenant, incident);
        else if (due(state, incident) && (longest === undefined || state.nextMilliseconds < longest.since)) {
          longest = { tenant, incident, since: state.nextMilliseconds };
        }
      }
    }
    for (const key of watched.keys()) if (!ongoing.has(key)) watched.delete(key);
    const now = clock();
    if (longest === undefined || closed || now < Math.max(longest.since, restUntilMilliseconds)) return;
    await refreshOne(longest.tenant, longest.incident);
  }

  /** Says it once for as long as there are any. */
  async function countUnwatched(tenant: string, after: string): Promise<void> {
    let incidents = 0;
    for (let cursor: string | null = after; cursor !== null && !closed;) {
      const { items, next } = await record.list(tenant, { status: ONGOING, limit: INCIDENTS_MAX, cursor });
      incidents += items.length;
      cursor = next;
    }
    if (!unwatched.has(tenant)) {
      logger.warn(
        { tenant, incidents, watched: INCIDENTS_MAX },
        'a tenant has more ongoing incidents than are watched: its oldest get no signals, changes and owners of their own; close what is over',
      );
    }
    unwatched.set(tenant, incidents);
  }

  async function refreshOne(tenant: string, incident: IncidentSummary): Promise<void> {
    const key = keyOf(tenant, incident);
    const began = clock();
    let state = watched.get(key);
    if (state === undefined) {
      state = { sinceMilliseconds: began, refreshes: 0, nextMilliseconds: 0 };
      watched.set(key, state);
    }
    const scope = incidentWindow(tenant, incident, began);
    // What is there already comes before what has to be compared, which can take seconds.
    await part('catalogue', () => catalogue.attach(tenant, incident));
    await part('reported', () => unfiled.fileReported(scope, incident));
    await part('agents', () => unfiled.fileAgents(scope, incident));
    await compareTelemetry(scope, incident);
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

  async function compareTelemetry(scope: SignalScope, incident: IncidentSummary): Promise<void> {
    let expired = false;
    await part('signals', async () => {
      expired = await hasExpired(scope, incident);
    });
    if (expired) return;
    let placed = scope;
    await part('environments', async () => {
      placed = await placeInEnvironments(scope, incident, { signals, gaps });
    });
    let compared = incident.services;
    await part('signals', async () => {
      compared = await writeSignals(placed, incident);
    });
    await part('changes', async () => {
      const found = await changeRows.write(placed, incident.id, compared);
      await gaps.noteUnfinished(scope.tenant, incident, { comparisons: found, atUnixNano: scope.asOfUnixNano });
    });
  }

  /**
   * True when telemetry that an earlier look compared may be gone by now: another look would say of what it found that it is no longer so,
   * and of what always was that it is new. Telemetry is kept from when it came: a first look may find what is older.
   */
  async function hasExpired(scope: SignalScope, incident: IncidentSummary): Promise<boolean> {
    const kept = options.retentionSeconds;
    if (kept === undefined || scope.asOfUnixNano - scope.baselineFromUnixNano < BigInt(kept) * 1_000_000_000n)
      return false;
    return signalRows.has(scope, incident.id);
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

function keyOf(tenant: string, incident: IncidentSummary): string {
  return `${tenant}\n${incident.id}`;
}

/** One that is over is looked at twice: when it is first seen, and once after it ended. */
function due(state: Watched, incident: IncidentSummary): boolean {
  if (ACTIVE.has(incident.status)) return true;
  return state.refreshes < 2;
}
