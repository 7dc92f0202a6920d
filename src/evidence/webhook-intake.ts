import type { Meter } from '@opentelemetry/api';
import type { Actor } from '../record/actor.ts';
import type { EvidenceLink, EvidenceRow } from '../record/evidence.ts';
import type { EvidenceLog } from '../record/evidence-log.ts';
import { createKeyedTurns, type KeyedTurns } from '../record/keyed-turns.ts';
import type { RecordService } from '../record/record-service.ts';
import type { AlertsTaken, ChangeTaken, TakenAlert, WebhookIntake } from '../record/webhook-intake.ts';
import type { Alert } from './alerts/alert.ts';
import { AlertRefused, createAlertPlacement, type AlertToPlace, type PlacedAlert } from './alerts/alert-placement.ts';
import { alertRow } from './alerts/alert-row.ts';
import { createHeldAlerts } from './alerts/held-alerts.ts';
import { parseAlerts } from './alerts/parse-alerts.ts';
import type { TelemetryAlerts } from './alerts/telemetry-alerts.ts';
import { createChangeIntake } from './changes/change-intake.ts';
import { parseChange } from './changes/parse-change.ts';
import { scrubbedPayload, type ScrubText } from './webhook-scrub.ts';

export interface WebhookIntakeOptions {
  readonly evidenceLog: EvidenceLog;
  readonly record: Pick<RecordService, 'open' | 'append' | 'list' | 'record' | 'summary' | 'index'>;
  /** Takes secrets out of every text of a payload before anything else sees it. What it throws refuses the webhook. */
  readonly scrub: ScrubText;
  /** By tenant; the same as the incident watch has, so that a change that is reported while it looks is one row. */
  readonly changeTurns: KeyedTurns;
  readonly meter: Meter;
  readonly clock?: () => number;
}

/** An alert in telemetry that began so long before it came belongs to the past: a replay, or a sender that caught up. */
const HISTORY_MILLISECONDS = 3_600_000;

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
  const placement = createAlertPlacement(record);
  const heldAlerts = createHeldAlerts(evidenceLog);
  const changes = createChangeIntake({ evidenceLog, record, turns: options.changeTurns });
  /** One webhook of a tenant after the other: two of one alert open one incident. */
  const turns = createKeyedTurns();

  async function takeAlert(
    tenant: string,
    reporter: Actor,
    alert: Alert,
    groups: Map<string, string>,
  ): Promise<TakenAlert> {
    const now = clock();
    const startedAt = Math.min(alert.startedAt ?? now, now);
    const actor: Actor = { kind: 'service', name: alert.source, id: null, onBehalfOf: reporter.name };
    const place = await placeOf({ tenant, actor, alert, startedAt, groups });
    const placed = place === 'refused' ? undefined : place;
    const held = placed?.effect === 'updated' ? await heldAlerts.find(tenant, placed.incident.id, alert) : undefined;
    const again = placed?.effect === 'updated' && held === undefined;
    const row = alertRow({ tenant, alert, actor, startedAt, now, held, again });
    if (placed === undefined) await evidenceLog.put([row]);
    else await put(row, placed.incident.id, held?.link ?? placed.link);
    heldAlerts.remember(tenant, alert, row.id);
    const effect = placed?.effect ?? 'unfiled';
    taken.add(1, { source: alert.source, effect: place === 'refused' ? place : effect });
    const { fingerprint, status } = alert;
    return { fingerprint, status, evidence: row.id, incident: placed?.incident.ref ?? null, effect };
  }

  /** What the rules of the record refuse belongs to no incident: it is kept, for its sender would send it again for ever. */
  async function placeOf(of: AlertToPlace): Promise<PlacedAlert | 'refused' | undefined> {
    try {
      return await placement.place(of);
    } catch (error) {
      if (!(error instanceof AlertRefused)) throw error;
      return 'refused';
    }
  }

  async function takeTelemetryAlert(alert: Alert, row: EvidenceRow): Promise<void> {
    const { tenant, actor } = row;
    const receivedAt = Number(row.receivedAtUnixNano / 1_000_000n);
    const startedAt = Math.min(Number(row.occurredAtUnixNano / 1_000_000n), receivedAt);
    const opensNone =
      receivedAt - startedAt > HISTORY_MILLISECONDS ||
      (alert.incidentRef !== '' && !record.index.knows(tenant, alert.incidentRef));
    const placed = await placeOf({ tenant, actor, alert, startedAt, groups: new Map(), opensNone });
    taken.add(1, { source: alert.source, effect: placed === 'refused' ? placed : (placed?.effect ?? 'unfiled') });
    if (placed === undefined || placed === 'refused') return;
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

  return {
    telemetryAlerts: {
      take: (alert, row) => turns.take(row.tenant, () => takeTelemetryAlert(alert, row)),
    },
    alerts(tenant, reporter, source, payload): Promise<AlertsTaken> {
      const parsed = parseAlerts(source, scrubbedPayload(options.scrub, tenant, payload));
      if (!parsed.ok) return Promise.resolve({ kind: 'invalid', fields: parsed.fields });
      return turns.take(tenant, async () => {
        const groups = new Map<string, string>();
        const alerts: TakenAlert[] = [];
        for (const alert of parsed.alerts) alerts.push(await takeAlert(tenant, reporter, alert, groups));
        return { kind: 'taken', alerts };
      });
    },
    async change(tenant, reporter, payload): Promise<ChangeTaken> {
      const receivedAt = BigInt(clock()) * 1_000_000n;
      const parsed = parseChange(scrubbedPayload(options.scrub, tenant, payload), receivedAt);
      if (!parsed.ok) return { kind: 'invalid', fields: parsed.fields };
      const { evidence, incidents } = await changes.store(tenant, parsed.change, reporter, receivedAt);
      const refs = await Promise.all(incidents.map((id) => record.summary(tenant, id)));
      taken.add(1, { source: 'change', effect: incidents.length === 0 ? 'unfiled' : 'fed' });
      return {
        kind: 'taken',
        evidence,
        incidents: refs.flatMap((incident) => (incident === undefined ? [] : [incident.ref])),
      };
    },
  };
}
