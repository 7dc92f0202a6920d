import type { Actor } from './actor.ts';
import type { FieldProblem } from './rejection.ts';

export const ALERT_SOURCES = ['alertmanager', 'grafana', 'pagerduty', 'datadog', 'generic'] as const;
export type AlertSource = (typeof ALERT_SOURCES)[number];

/** What became of one alert of a webhook. */
export interface TakenAlert {
  readonly fingerprint: string;
  readonly status: 'firing' | 'resolved';
  /** Evidence id of its row. */
  readonly evidence: string;
  /** Ref of the incident it opened or belongs to; null when it is kept unfiled. */
  readonly incident: string | null;
  /** `updated`: the incident had this alert already. */
  readonly effect: 'opened' | 'fed' | 'updated' | 'unfiled';
}

export interface InvalidWebhook {
  readonly kind: 'invalid';
  /** Every field that is wrong, by path; never a value. */
  readonly fields: readonly FieldProblem[];
}

export type AlertsTaken = { readonly kind: 'taken'; readonly alerts: readonly TakenAlert[] } | InvalidWebhook;

export type ChangeTaken =
  | {
      readonly kind: 'taken';
      readonly evidence: string;
      /** Refs of the incidents it was filed under. */
      readonly incidents: readonly string[];
    }
  | InvalidWebhook;

/** What other systems report by webhook. Idempotent: the same alert or change again changes its row, and makes no second one. */
export interface WebhookIntake {
  alerts(tenant: string, reporter: Actor, source: AlertSource, payload: unknown): Promise<AlertsTaken>;
  change(tenant: string, reporter: Actor, payload: unknown): Promise<ChangeTaken>;
}
