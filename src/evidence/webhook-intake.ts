import type { Meter } from '@opentelemetry/api';
import type { Actor } from '../record/actor.ts';
import { instantOf } from '../record/evidence-by-hand.ts';
import type { EvidenceLink, EvidenceRow } from '../record/evidence.ts';
import type { EvidenceLog } from '../record/evidence-log.ts';
import type { IncidentStatus, IncidentSummary } from '../record/incident-record.ts';
import type { ResolvedLink } from '../record/incident-index.ts';
import type { RecordService } from '../record/record-service.ts';
import type { AlertsTaken, ChangeTaken, TakenAlert, WebhookIntake } from '../record/webhook-intake.ts';
import type { Alert } from './alerts/alert.ts';
import { parseAlerts } from './alerts/parse-alerts.ts';
import type { TelemetryAlerts } from './alerts/telemetry-alerts.ts';
import { reportedChangeRow } from './changes/change-row.ts';
import { parseChange } from './changes/parse-change.ts';
import { entryIdOf } from './entry-id.ts';
import { evidenceId } from './evidence-id.ts';
import { rowDigest } from './evidence-row.ts';
import { observedRow, oneLine } from './observed-row.ts';

export interface WebhookIntakeOptions {
  readonly evidenceLog: EvidenceLog;
  readonly record: Pick<RecordService, 'open' | 'append' | 'list' | 'record' | 'summary' | 'index'>;
  /** Takes secrets out of every text of a payload before anything else sees it. What it throws refuses the webhook. */
  readonly scrub: (text: string, tenant: string, key: string) => string;
  readonly meter: Meter;
  readonly clock?: () => number;
}

interface Placing {
  readonly tenant: string;
  readonly actor: Actor;
  readonly alert: Alert;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  /** Incident ids by group of alerts, of what came together. */
  readonly groups: Map<string, string>;
  /** It feeds incidents only. */
  readonly opensNone?: boolean;
}

interface Placed {
  readonly incident: IncidentSummary;
  readonly link: EvidenceLink;
  readonly effect: 'opened' | 'fed' | 'updated';
}

/** The rules of the record refuse what an alert says: the same alert again would be refused again. */
class AlertRefused extends Error {}

const ACTIVE: readonly IncidentStatus[] = ['triage', 'active', 'mitigated', 'monitoring'];
/** Over for those who work on them; their alerts may still recover. */
const ENDED: readonly IncidentStatus[] = ['resolved', 'review'];
/** Ongoing incidents looked through for one that an alert belongs to. */
const INCIDENTS_MAX = 200;
/** An alert or a change so long before an incident's start may still belong to it. */
const LEAD_MILLISECONDS = 2 * 3_600_000;
const FINGERPRINTS_MAX = 20_000;
/** Alerts of an incident looked through for one whose row this process has not written. */
const ALERTS_SEARCHED_MAX = 500;
/** An alert in telemetry that began so long before it came belongs to the past: a replay, or a sender that caught up. */
const HISTORY_MILLISECONDS = 3_600_000;
/** Alerts that say that alerting works, or only steer it. */
const NOT_INCIDENTS: ReadonlySet<string> = new Set(['Watchdog', 'DeadMansSwitch', 'InfoInhibitor']);

/**
 * Takes alerts and changes that other systems report, alerts also as telemetry: opens or feeds incidents, and keeps each as an
 * evidence row.
 */
export function createWebhookIntake(
  options: WebhookIntakeOptions,
): WebhookIntake & { readonly telemetryAlerts: TelemetryAlerts } {
  const { evidenceLog, record } = options;
  const clock = options.clock ?? Date.now;
  const taken = options.meter.createCounter('docket.evidence.webhooks', {
    unit: '{item}',
    description: 'Alerts (by webhook, or as log records: source otlp) and changes taken, by source and effect',
  });
  /** Incident id by tenant and fingerprint. */
  const incidents = new Map<string, string>();
  /** Id of the latest evidence row, by tenant, source and fingerprint. */
  const latestRows = new Map<string, string>();
  const seeded = new Set<string>();
  const queues = new Map<string, Promise<unknown>>();

  /** One webhook of a tenant after the other: two of one alert open one incident. */
  async function inTurn<T>(tenant: string, work: () => Promise<T>): Promise<T> {
    const before = queues.get(tenant) ?? Promise.resolve();
    const mine = before.then(work, work);
    const settled = mine.catch(() => undefined);
    queues.set(tenant, settled);
    try {
      return await mine;
    } finally {
      if (queues.get(tenant) === settled) queues.delete(tenant);
    }
  }

  /** After a restart: which incident has which alert. One that goes on has it before one that is over. */
  async function seed(tenant: string): Promise<void> {
    if (seeded.has(tenant)) return;
    for (const status of [ENDED, ACTIVE]) {
      const { items } = await record.list(tenant, { status, limit: INCIDENTS_MAX });
      for (const { id } of items.toReversed()) {
        const found = await record.record(tenant, id);
        for (const trigger of found?.triggers ?? []) {
          if (trigger.fingerprint !== null) remember(incidents, `${tenant}\n${trigger.fingerprint}`, id);
        }
      }
    }
    seeded.add(tenant);
  }

  /** The incident that has the alert, if it goes on; any that has it for an alert that is over. */
  async function incidentWith(tenant: string, alert: Alert): Promise<IncidentSummary | undefined> {
    const known = incidents.get(`${tenant}\n${alert.fingerprint}`);
    if (known === undefined) return undefined;
    return alert.status === 'resolved' ? record.summary(tenant, known) : ongoing(tenant, known);
  }

  /**
   * The row of the incident that tells of the alert already: of the same start, or still firing. An alert that fires again after it
   * recovered has a row of its own.
   */
  async function heldRow(tenant: string, incidentId: string, alert: Alert): Promise<EvidenceRow | undefined> {
    const id = latestRows.get(`${tenant}\n${alert.source}\n${alert.fingerprint}`);
    const isOfAlert = (row: EvidenceRow): boolean =>
      row.dialect === alert.source && row.facts['fingerprint'] === alert.fingerprint;
    const held =
      id === undefined
        ? // After a restart: among the latest alerts of the incident.
          (await evidenceLog.page(tenant, incidentId, { kinds: ['alert'], limit: ALERTS_SEARCHED_MAX })).items.find(
            isOfAlert,
          )
        : await evidenceLog.get(tenant, incidentId, id);
    if (held === undefined || alert.status === 'resolved' || held.facts['status'] === 'firing') return held;
    const sameStart = alert.startedAt !== null && BigInt(alert.startedAt) * 1_000_000n === held.occurredAtUnixNano;
    return sameStart ? held : undefined;
  }

  async function ongoing(tenant: string, refOrId: string): Promise<IncidentSummary | undefined> {
    const found = await record.summary(tenant, refOrId);
    return found !== undefined && ACTIVE.includes(found.status) ? found : undefined;
  }

  async function takeAlert(
    tenant: string,
    reporter: Actor,
    alert: Alert,
    groups: Map<string, string>,
  ): Promise<TakenAlert> {
    const now = clock();
    const startedAt = Math.min(alert.startedAt ?? now, now);
    const actor: Actor = { kind: 'service', name: alert.source, id: null, onBehalfOf: reporter.name };
    const placed = await place({ tenant, actor, alert, startedAt, groups });
    const held = placed?.effect === 'updated' ? await heldRow(tenant, placed.incident.id, alert) : undefined;
    const again = placed?.effect === 'updated' && held === undefined;
    const row = alertRow({ tenant, alert, actor, startedAt, now, held, again });
    if (placed === undefined) await evidenceLog.put([row]);
    else await put(row, placed.incident.id, held?.link ?? placed.link);
    remember(latestRows, `${tenant}\n${alert.source}\n${alert.fingerprint}`, row.id);
    const effect = placed?.effect ?? 'unfiled';
    taken.add(1, { source: alert.source, effect });
    const { fingerprint, status } = alert;
    return { fingerprint, status, evidence: row.id, incident: placed?.incident.ref ?? null, effect };
  }

  /** The incident that an alert updates, feeds or opens, and how its row is linked to it; undefined for none. */
  async function place(of: Placing): Promise<Placed | undefined> {
    const { tenant, actor, alert, startedAt, groups } = of;
    const link: EvidenceLink = { mode: 'bound', rule: `alert fingerprint ${alert.fingerprint}`, score: 1 };
    const held = await incidentWith(tenant, alert);
    if (held !== undefined) {
      if (alert.group !== '') groups.set(alert.group, held.id);
      return { incident: held, link, effect: 'updated' };
    }
    if (alert.status !== 'firing') return undefined;
    const belongs = await incidentOf(tenant, alert, startedAt, groups);
    if (belongs !== undefined) {
      const { incident } = belongs;
      const fed = await record.append(tenant, incident.id, actor, {
        type: 'trigger.add',
        entryId: entryIdOf(tenant, incident.id, 'trigger', alert.fingerprint, String(startedAt)),
        body: { ...triggerOf(alert, startedAt) },
      });
      if (fed.kind === 'rejected') throw new AlertRefused(`a trigger was refused: ${fed.rejection.code}`);
      remember(incidents, `${tenant}\n${alert.fingerprint}`, incident.id);
      return { ...belongs, effect: 'fed' };
    }
    if (of.opensNone === true || NOT_INCIDENTS.has(alert.rule)) return undefined;
    const incident = await open(tenant, actor, alert, startedAt);
    remember(incidents, `${tenant}\n${alert.fingerprint}`, incident.id);
    if (alert.group !== '') groups.set(alert.group, incident.id);
    return { incident, link, effect: 'opened' };
  }

  async function takeTelemetryAlert(alert: Alert, row: EvidenceRow): Promise<void> {
    const { tenant, actor } = row;
    const receivedAt = Number(row.receivedAtUnixNano / 1_000_000n);
    const startedAt = Math.min(Number(row.occurredAtUnixNano / 1_000_000n), receivedAt);
    const opensNone =
      receivedAt - startedAt > HISTORY_MILLISECONDS ||
      (alert.incidentRef !== '' && !record.index.knows(tenant, alert.incidentRef));
    const placed = await place({ tenant, actor, alert, startedAt, groups: new Map(), opensNone });
    taken.add(1, { source: alert.source, effect: placed?.effect ?? 'unfiled' });
    if (placed === undefined) return;
    const { incident, link } = placed;
    await evidenceLog.file(tenant, incident.id, [row.id], link);
    // What came later, such as its end, has the time it came: the row keeps when it began.
    const stored = await evidenceLog.get(tenant, incident.id, row.id);
    const began = stored !== undefined && stored.occurredAtUnixNano < row.occurredAtUnixNano ? stored : row;
    await put({ ...row, occurredAtUnixNano: began.occurredAtUnixNano }, incident.id, stored?.link ?? link);
  }

  async function put(row: EvidenceRow, incident: string, link: EvidenceLink): Promise<void> {
    await evidenceLog.put([{ ...row, incident, state: 'linked', link }]);
  }

  /** The ongoing incident an alert belongs to: the one it names, one bound to its service, its group's, one of its service. */
  async function incidentOf(
    tenant: string,
    alert: Alert,
    startedAt: number,
    groups: ReadonlyMap<string, string>,
  ): Promise<{ readonly incident: IncidentSummary; readonly link: EvidenceLink } | undefined> {
    for (const { incidentId, link } of resolve(
      tenant,
      alert.incidentRef,
      alert.service,
      alert.environment,
      startedAt,
    )) {
      const incident = await ongoing(tenant, incidentId);
      if (incident !== undefined) return { incident, link };
    }
    const grouped = alert.group === '' ? undefined : groups.get(alert.group);
    if (grouped !== undefined) {
      const incident = await ongoing(tenant, grouped);
      const link: EvidenceLink = { mode: 'bound', rule: 'group of alerts', score: 1 };
      if (incident !== undefined) return { incident, link };
    }
    if (alert.service === '') return undefined;
    const { items } = await record.list(tenant, { status: ACTIVE, service: alert.service, limit: INCIDENTS_MAX });
    const incident = items.find(
      (each) => inPlace(alert.environment, each) && startedAt >= Date.parse(each.startedAt) - LEAD_MILLISECONDS,
    );
    const rule = `alert of ${alert.service}, a service of the incident, while it goes on`;
    return incident === undefined ? undefined : { incident, link: { mode: 'inferred', rule, score: 0.8 } };
  }

  function resolve(
    tenant: string,
    ref: string,
    service: string,
    environment: string,
    atMilliseconds: number,
  ): readonly ResolvedLink[] {
    return record.index.resolve(tenant, {
      refs: ref === '' ? [] : [ref],
      traceId: '',
      conversationId: '',
      sessionId: '',
      agent: '',
      service,
      environment,
      occurredAtUnixNano: BigInt(atMilliseconds) * 1_000_000n,
      namedTraceIds: [],
    });
  }

  async function open(tenant: string, actor: Actor, alert: Alert, startedAt: number): Promise<IncidentSummary> {
    const result = await record.open(tenant, actor, {
      title: alert.title,
      severity: alert.severity,
      services: alert.service === '' ? [] : [alert.service],
      environments: alert.environment === '' ? [] : [alert.environment],
      startedAt: new Date(startedAt).toISOString(),
      trigger: triggerOf(alert, startedAt),
      entryId: entryIdOf(tenant, 'alert', alert.source, alert.fingerprint, String(startedAt)),
    });
    if (result.kind === 'opened' || result.kind === 'repeated') return result.incident;
    // The alert was opened before, by other words: its incident may have ended meanwhile.
    const again = await record.open(tenant, actor, {
      title: alert.title,
      severity: alert.severity,
      services: alert.service === '' ? [] : [alert.service],
      startedAt: new Date(startedAt).toISOString(),
      trigger: triggerOf(alert, startedAt),
    });
    if (again.kind === 'opened' || again.kind === 'repeated') return again.incident;
    if (again.kind === 'rejected') throw new AlertRefused(`an alert was refused: ${again.rejection.code}`);
    throw new Error(`an alert could not open an incident: ${again.kind}`);
  }

  function scrubbed(tenant: string, payload: unknown): unknown {
    return mapText(payload, (text, key) =>
      isTime(text, key) ? text : options.scrub(text, tenant, TELLING_APART.test(key) ? '' : key),
    );
  }

  return {
    telemetryAlerts: {
      take: (alert, row) =>
        inTurn(row.tenant, async () => {
          await seed(row.tenant);
          try {
            await takeTelemetryAlert(alert, row);
          } catch (error) {
            if (!(error instanceof AlertRefused)) throw error;
            taken.add(1, { source: alert.source, effect: 'refused' });
          }
        }),
    },
    alerts(tenant, reporter, source, payload): Promise<AlertsTaken> {
      const parsed = parseAlerts(source, scrubbed(tenant, payload));
      if (!parsed.ok) return Promise.resolve({ kind: 'invalid', fields: parsed.fields });
      return inTurn(tenant, async () => {
        await seed(tenant);
        const groups = new Map<string, string>();
        const alerts: TakenAlert[] = [];
        for (const alert of parsed.alerts) alerts.push(await takeAlert(tenant, reporter, alert, groups));
        return { kind: 'taken', alerts };
      });
    },
    async change(tenant, reporter, payload): Promise<ChangeTaken> {
      const receivedAt = BigInt(clock()) * 1_000_000n;
      const parsed = parseChange(scrubbed(tenant, payload), receivedAt);
      if (!parsed.ok) return { kind: 'invalid', fields: parsed.fields };
      const { change } = parsed;
      const row = reportedChangeRow(tenant, change, reporter, receivedAt);
      const at = Number(change.atUnixNano / 1_000_000n);
      const links = new Map<string, EvidenceLink>();
      for (const { incidentId, link } of resolve(tenant, change.incident, change.service, change.environment, at)) {
        links.set(incidentId, link);
      }
      const { items } = await record.list(tenant, { status: ACTIVE, service: change.service, limit: INCIDENTS_MAX });
      for (const incident of items) {
        if (links.has(incident.id) || !inPlace(change.environment, incident)) continue;
        if (at < Date.parse(incident.startedAt) - LEAD_MILLISECONDS) continue;
        const rule = `change of ${change.service}, a service of the incident, in or shortly before its window`;
        links.set(incident.id, { mode: 'inferred', rule, score: 0.8 });
      }
      if (links.size === 0) await evidenceLog.put([row]);
      for (const [incident, link] of links) await put(row, incident, link);
      const refs = await Promise.all([...links.keys()].map((id) => record.summary(tenant, id)));
      taken.add(1, { source: 'change', effect: links.size === 0 ? 'unfiled' : 'fed' });
      return {
        kind: 'taken',
        evidence: row.id,
        incidents: refs.flatMap((incident) => (incident === undefined ? [] : [incident.ref])),
      };
    },
  };
}

function triggerOf(alert: Alert, startedAt: number) {
  return {
    source: 'alert' as const,
    title: alert.title,
    rule: alert.rule,
    severity: alert.severity,
    firedAt: new Date(startedAt).toISOString(),
    suspectedBlastArea: [],
    fingerprint: alert.fingerprint,
    ...(alert.service === '' ? {} : { service: alert.service }),
    ...(alert.url === '' ? {} : { externalRef: alert.url }),
  };
}

interface AlertSighting {
  readonly tenant: string;
  readonly alert: Alert;
  readonly actor: Actor;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly now: number;
  /** The row that tells of it already. */
  readonly held: EvidenceRow | undefined;
  /** It fires again after it recovered. */
  readonly again: boolean;
}

/** The unfiled row of an alert; the same alert since the same time has the same id. */
function alertRow({ tenant, alert, actor, startedAt, now, held, again }: AlertSighting): EvidenceRow {
  const receivedAtUnixNano = BigInt(now) * 1_000_000n;
  const resolved = alert.status === 'resolved';
  const endedAt = alert.endedAt ?? (resolved ? now : null);
  const endedAtUnixNano = endedAt === null ? null : BigInt(endedAt) * 1_000_000n;
  const state = {
    receivedAtUnixNano,
    endedAtUnixNano,
    outcome: resolved ? 'ok' : 'error',
    actor,
  } as const;
  const prefix = resolved ? 'Resolved: ' : 'Firing: ';
  if (held !== undefined && alert.onlyState) {
    const { digest: _ofTheOldRow, ...rest } = held;
    const summary = held.summary.replace(/^(?:Firing|Resolved): /, prefix);
    const row = { ...rest, ...state, summary, facts: { ...held.facts, status: alert.status } };
    return { ...row, digest: rowDigest(row) };
  }
  const started = alert.startedAt === null ? (again ? String(now) : '') : String(alert.startedAt);
  const occurredAtUnixNano = held?.occurredAtUnixNano ?? BigInt(startedAt) * 1_000_000n;
  // Some say how bad it is only while it is.
  const heldSeverity = held?.facts['severity'];
  const severity = alert.severity === 'unknown' && typeof heldSeverity === 'string' ? heldSeverity : alert.severity;
  return observedRow({
    tenant,
    id: held?.id ?? evidenceId(tenant, 'alert', alert.source, alert.fingerprint, started),
    incident: '',
    link: null,
    kind: 'alert',
    occurredAtUnixNano,
    ...state,
    service: alert.service,
    environment: alert.environment,
    summary: `${prefix}${alert.title}`,
    content: {
      ...(alert.description === '' ? {} : { body: alert.description }),
      data: JSON.stringify({
        labels: alert.labels,
        severity,
        ...(alert.values === '' ? {} : { values: alert.values }),
        url: alert.url,
        runbookUrl: alert.runbookUrl,
      }),
    },
    source: { traceId: '', spanId: '', signal: 'webhook', alsoSeenAs: [] },
    sourceFamily: `webhook:${alert.source}:${oneLine(alert.rule, 200)}`,
    trust: 'imported',
    dialect: alert.source,
    namedRefs: alert.incidentRef === '' ? [] : [alert.incidentRef],
    facts: {
      fingerprint: alert.fingerprint,
      severity,
      status: alert.status,
      firedAt: instantOf(occurredAtUnixNano),
      ...(alert.url === '' ? {} : { externalRef: alert.url }),
      ...(alert.runbookUrl === '' ? {} : { runbook: alert.runbookUrl }),
    },
  });
}

/** Holds the latest `FINGERPRINTS_MAX`. */
function remember(held: Map<string, string>, key: string, value: string): void {
  held.delete(key);
  held.set(key, value);
  const [oldest] = held.keys();
  if (held.size > FINGERPRINTS_MAX && oldest !== undefined) held.delete(oldest);
}

function inPlace(environment: string, incident: IncidentSummary): boolean {
  return environment === '' || incident.environments.length === 0 || incident.environments.includes(environment);
}

/** A count since the epoch where a time belongs: one in ten of them could be the number of a card. */
function isTime(text: string, key: string): boolean {
  return /^(?:date|date_posix|last_updated|timestamp|.*(?:_at|At))$/.test(key) && /^1\d{9}(?:\d{3}){0,3}$/.test(text);
}

/** Keys that tell alerts apart, and are none to unlock anything with, though their names end as if. */
const TELLING_APART = /^(?:incident|dedup|aggreg|aggregation|alert_cycle|group)_?key$/i;

const DEPTH_MAX = 64;

/** Texts with the name of the member they stand under: programs write them, as they do attributes of telemetry. */
function mapText(value: unknown, change: (text: string, key: string) => string, key = '', depth = 0): unknown {
  if (depth > DEPTH_MAX) throw new RangeError('nested too deeply');
  if (typeof value === 'string') return change(value, key);
  if (Array.isArray(value)) return value.map((each) => mapText(each, change, key, depth + 1));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [name, mapText(each, change, name, depth + 1)]),
  );
}
