/**
 * What an incident is compared by: one telling property, how strongly it shows, and the entry or evidence row that shows
 * it best. Values are what people read ("ECONNREFUSED", "checkout"), so that every match explains itself.
 */
export const FEATURE_KINDS = [
  'alert_fingerprint',
  'alert_rule',
  'service',
  'exception',
  'operation',
  'log_template',
  'change_type',
  'tool_call',
  'word',
] as const;
export type FeatureKind = (typeof FEATURE_KINDS)[number];

export interface IncidentFeature {
  readonly kind: FeatureKind;
  readonly value: string;
  /** Above 0, at most 1: how strongly the incident shows it. */
  readonly weight: number;
  /** Entry or evidence id that shows it. */
  readonly source: string;
}

/**
 * How much one kind counts against another, before rarity. The alert that fired names the failure; a service, an exception
 * or a failing operation says where; a word may mean anything.
 */
export const KIND_WEIGHTS: Readonly<Record<FeatureKind, number>> = {
  alert_fingerprint: 4,
  alert_rule: 3,
  service: 2,
  exception: 2.5,
  operation: 2.5,
  log_template: 2.5,
  change_type: 1,
  tool_call: 1,
  word: 1,
};
