import { DOCKET_ACTOR, type Actor } from '../../record/actor.ts';
import type { EvidenceLink } from '../../record/evidence.ts';
import { REF_PATTERN } from '../../record/incident.ts';
import type { IncidentSummary } from '../../record/incident-record.ts';
import type { RecordService } from '../../record/record-service.ts';
import { entryIdOf } from '../entry-id.ts';
import { createLatestKeys } from '../latest-keys.ts';
import { createOngoingIncidents, type ReportedPlace } from '../ongoing-incidents.ts';
import type { Alert } from './alert.ts';

export interface AlertToPlace {
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

export interface PlacedAlert {
  readonly incident: IncidentSummary;
  readonly link: EvidenceLink;
  readonly effect: 'opened' | 'fed' | 'updated';
}

/** The rules of the record refuse what an alert says: the same alert again would be refused again. */
export class AlertRefused extends Error {}

/** Which incidents alerts belong to. One alert of a tenant at a time: two of the same open one incident. */
export interface AlertPlacement {
  /** The incident that an alert updates, feeds or opens, and how its row is linked to it; undefined for none. Throws AlertRefused. */
  place(of: AlertToPlace): Promise<PlacedAlert | undefined>;
}

interface BelongsTo {
  readonly incident: IncidentSummary;
  readonly link: EvidenceLink;
  /** Refs of incidents that it could be of as well. */
  readonly others?: readonly string[];
}

/** How sure it is that an alert of a service is of the incident that goes on there: the only one, or one of several. */
const ONE_SCORE = 0.8;
const SEVERAL_SCORE = 0.4;
const OTHERS_NAMED = 5;
/** Ids are given by Docket: one that nobody knows is no name for something new. */
const ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const FINGERPRINTS_MAX = 20_000;
/** Alerts that say that alerting works, or only steer it. */
const NOT_INCIDENTS: ReadonlySet<string> = new Set(['Watchdog', 'DeadMansSwitch', 'InfoInhibitor']);

export function createAlertPlacement(
  record: Pick<RecordService, 'open' | 'append' | 'list' | 'record' | 'summary' | 'index'>,
): AlertPlacement {
  const ongoing = createOngoingIncidents(record);
  /** Incident id by tenant and fingerprint. */
  const incidents = createLatestKeys(FINGERPRINTS_MAX);
  const seeded = new Set<string>();

  /** After a restart: which incident has which alert. One that goes on has it before one that is over. */
  async function seed(tenant: string): Promise<void> {
    if (seeded.has(tenant)) return;
    for (const found of [await ongoing.ended(tenant), await ongoing.all(tenant)]) {
      for (const { id } of found.toReversed()) {
        const known = await record.record(tenant, id);
        for (const trigger of known?.triggers ?? []) {
          if (trigger.fingerprint !== null) incidents.set(`${tenant}\n${trigger.fingerprint}`, id);
        }
      }
    }
    seeded.add(tenant);
  }

  /** The incident that has the alert, if it goes on; any that has it for an alert that is over. */
  async function incidentWith(tenant: string, alert: Alert): Promise<IncidentSummary | undefined> {
    const known = incidents.get(`${tenant}\n${alert.fingerprint}`);
    if (known === undefined) return undefined;
    return alert.status === 'resolved' ? record.summary(tenant, known) : ongoing.find(tenant, known);
  }

  /** The ongoing incident an alert belongs to: the one it names, one bound to its service, its group's, one of its service. */
  async function incidentOf(
    tenant: string,
    alert: Alert,
    startedAt: number,
    groups: ReadonlyMap<string, string>,
  ): Promise<BelongsTo | undefined> {
    const place: ReportedPlace = { ...alert, at: startedAt };
    for (const { incidentId, link } of ongoing.bound(tenant, place)) {
      const incident = await ongoing.find(tenant, incidentId);
      if (incident !== undefined) return { incident, link };
    }
    const grouped = alert.group === '' ? undefined : groups.get(alert.group);
    if (grouped !== undefined) {
      const incident = await ongoing.find(tenant, grouped);
      const link: EvidenceLink = { mode: 'bound', rule: 'group of alerts', score: 1 };
      if (incident !== undefined) return { incident, link };
    }
    // What is named is meant, also while nobody has opened it: no other incident is.
    if (await namesUnknown(tenant, alert)) return undefined;
    const [incident, ...others] = await ongoing.ofService(tenant, place);
    if (incident === undefined) return undefined;
    const rule = `alert of ${alert.service}, a service of the incident, while it goes on`;
    const score = others.length === 0 ? ONE_SCORE : SEVERAL_SCORE;
    return { incident, link: { mode: 'inferred', rule, score }, others: others.map(({ ref }) => ref) };
  }

  async function namesUnknown(tenant: string, { incidentRef }: Alert): Promise<boolean> {
    return incidentRef !== '' && (await record.summary(tenant, incidentRef)) === undefined;
  }

  /** Says on the record that the alert may be another incident's. */
  async function tellOfOthers(tenant: string, incident: IncidentSummary, alert: Alert, others: readonly string[]) {
    const named = others.length > OTHERS_NAMED ? [...others.slice(0, OTHERS_NAMED), 'others'] : others;
    const blind = alert.environment === '' ? 'names no environment' : 'says nothing that tells which';
    await record.append(tenant, incident.id, DOCKET_ACTOR, {
      type: 'gap.open',
      entryId: entryIdOf(tenant, incident.id, 'alert of several', alert.fingerprint),
      body: {
        what: `The alert "${alert.title}" of ${alert.service} was filed here and may belong to ${named.join(', ')}: it ${blind}`,
        why: 'Each of them goes on at the service. If it is not of this incident, withdraw its evidence here and file it there',
      },
    });
  }

  async function open(tenant: string, actor: Actor, alert: Alert, startedAt: number): Promise<IncidentSummary> {
    const opening = {
      title: alert.title,
      severity: alert.severity,
      services: alert.service === '' ? [] : [alert.service],
      environments: alert.environment === '' ? [] : [alert.environment],
      startedAt: new Date(startedAt).toISOString(),
      trigger: triggerOf(alert, startedAt),
    };
    const { incidentRef } = alert;
    const named = REF_PATTERN.test(incidentRef) && !ID.test(incidentRef) && (await namesUnknown(tenant, alert));
    const result = await record.open(tenant, actor, {
      ...opening,
      ...(named ? { ref: incidentRef } : {}),
      entryId: entryIdOf(tenant, 'alert', alert.source, alert.fingerprint, String(startedAt)),
    });
    if (result.kind === 'opened' || result.kind === 'repeated') return result.incident;
    // The alert was opened before, by other words: its incident may have ended meanwhile. Or another took the ref.
    const again = await record.open(tenant, actor, opening);
    if (again.kind === 'opened' || again.kind === 'repeated') return again.incident;
    if (again.kind === 'rejected') throw new AlertRefused(`an alert was refused: ${again.rejection.code}`);
    throw new Error(`an alert could not open an incident: ${again.kind}`);
  }

  return {
    async place({ tenant, actor, alert, startedAt, groups, opensNone }) {
      await seed(tenant);
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
        incidents.set(`${tenant}\n${alert.fingerprint}`, incident.id);
        if (belongs.others !== undefined && belongs.others.length > 0) {
          await tellOfOthers(tenant, incident, alert, belongs.others);
        }
        return { incident, link: belongs.link, effect: 'fed' };
      }
      if (opensNone === true || NOT_INCIDENTS.has(alert.rule)) return undefined;
      const incident = await open(tenant, actor, alert, startedAt);
      incidents.set(`${tenant}\n${alert.fingerprint}`, incident.id);
      if (alert.group !== '') groups.set(alert.group, incident.id);
      return { incident, link, effect: 'opened' };
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
