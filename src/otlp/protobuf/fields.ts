/**
 * Field numbers of the OTLP messages for loops that walk bytes by hand (opentelemetry-proto v1.11.0). The same numbers as
 * `./schema.ts`, which carries kinds and JSON names; `fields.test.ts` holds the two together.
 */

export const EXPORT_TRACE_SERVICE_REQUEST_FIELD = {
  resourceSpans: 1,
} as const;

export const EXPORT_LOGS_SERVICE_REQUEST_FIELD = {
  resourceLogs: 1,
} as const;

export const EXPORT_METRICS_SERVICE_REQUEST_FIELD = {
  resourceMetrics: 1,
} as const;

export const RESOURCE_SPANS_FIELD = {
  resource: 1,
  scopeSpans: 2,
  schemaUrl: 3,
} as const;

export const SCOPE_SPANS_FIELD = {
  scope: 1,
  spans: 2,
  schemaUrl: 3,
} as const;

export const RESOURCE_LOGS_FIELD = {
  resource: 1,
  scopeLogs: 2,
  schemaUrl: 3,
} as const;

export const SCOPE_LOGS_FIELD = {
  scope: 1,
  logRecords: 2,
  schemaUrl: 3,
} as const;

export const RESOURCE_METRICS_FIELD = {
  resource: 1,
  scopeMetrics: 2,
  schemaUrl: 3,
} as const;

export const SCOPE_METRICS_FIELD = {
  scope: 1,
  metrics: 2,
  schemaUrl: 3,
} as const;

export const RESOURCE_FIELD = {
  attributes: 1,
  droppedAttributesCount: 2,
  entityRefs: 3,
} as const;

export const ENTITY_REF_FIELD = {
  schemaUrl: 1,
  type: 2,
  idKeys: 3,
  descriptionKeys: 4,
} as const;

export const INSTRUMENTATION_SCOPE_FIELD = {
  name: 1,
  version: 2,
  attributes: 3,
  droppedAttributesCount: 4,
} as const;

export const KEY_VALUE_FIELD = {
  key: 1,
  value: 2,
} as const;

export const KEY_VALUE_LIST_FIELD = {
  values: 1,
} as const;

export const ARRAY_VALUE_FIELD = {
  values: 1,
} as const;

export const ANY_VALUE_FIELD = {
  stringValue: 1,
  boolValue: 2,
  intValue: 3,
  doubleValue: 4,
  arrayValue: 5,
  kvlistValue: 6,
  bytesValue: 7,
} as const;

export const SPAN_FIELD = {
  traceId: 1,
  spanId: 2,
  traceState: 3,
  parentSpanId: 4,
  name: 5,
  kind: 6,
  startTimeUnixNano: 7,
  endTimeUnixNano: 8,
  attributes: 9,
  droppedAttributesCount: 10,
  events: 11,
  droppedEventsCount: 12,
  links: 13,
  droppedLinksCount: 14,
  status: 15,
  flags: 16,
} as const;

export const SPAN_EVENT_FIELD = {
  timeUnixNano: 1,
  name: 2,
  attributes: 3,
  droppedAttributesCount: 4,
} as const;

export const SPAN_LINK_FIELD = {
  traceId: 1,
  spanId: 2,
  traceState: 3,
  attributes: 4,
  droppedAttributesCount: 5,
  flags: 6,
} as const;

export const STATUS_FIELD = {
  message: 2,
  code: 3,
} as const;

export const LOG_RECORD_FIELD = {
  timeUnixNano: 1,
  severityNumber: 2,
  severityText: 3,
  body: 5,
  attributes: 6,
  droppedAttributesCount: 7,
  flags: 8,
  traceId: 9,
  spanId: 10,
  observedTimeUnixNano: 11,
  eventName: 12,
} as const;

export const METRIC_FIELD = {
  name: 1,
  description: 2,
  unit: 3,
  gauge: 5,
  sum: 7,
  histogram: 9,
  exponentialHistogram: 10,
  summary: 11,
  metadata: 12,
} as const;

export const GAUGE_FIELD = {
  dataPoints: 1,
} as const;

export const SUM_FIELD = {
  dataPoints: 1,
  aggregationTemporality: 2,
  isMonotonic: 3,
} as const;

export const HISTOGRAM_FIELD = {
  dataPoints: 1,
  aggregationTemporality: 2,
} as const;

export const EXPONENTIAL_HISTOGRAM_FIELD = {
  dataPoints: 1,
  aggregationTemporality: 2,
} as const;

export const SUMMARY_FIELD = {
  dataPoints: 1,
} as const;

export const NUMBER_DATA_POINT_FIELD = {
  startTimeUnixNano: 2,
  timeUnixNano: 3,
  asDouble: 4,
  exemplars: 5,
  asInt: 6,
  attributes: 7,
  flags: 8,
} as const;

export const HISTOGRAM_DATA_POINT_FIELD = {
  startTimeUnixNano: 2,
  timeUnixNano: 3,
  count: 4,
  sum: 5,
  bucketCounts: 6,
  explicitBounds: 7,
  exemplars: 8,
  attributes: 9,
  flags: 10,
  min: 11,
  max: 12,
} as const;

export const EXPONENTIAL_HISTOGRAM_DATA_POINT_FIELD = {
  attributes: 1,
  startTimeUnixNano: 2,
  timeUnixNano: 3,
  count: 4,
  sum: 5,
  scale: 6,
  zeroCount: 7,
  positive: 8,
  negative: 9,
  flags: 10,
  exemplars: 11,
  min: 12,
  max: 13,
  zeroThreshold: 14,
} as const;

export const BUCKETS_FIELD = {
  offset: 1,
  bucketCounts: 2,
} as const;

export const SUMMARY_DATA_POINT_FIELD = {
  startTimeUnixNano: 2,
  timeUnixNano: 3,
  count: 4,
  sum: 5,
  quantileValues: 6,
  attributes: 7,
  flags: 8,
} as const;

export const VALUE_AT_QUANTILE_FIELD = {
  quantile: 1,
  value: 2,
} as const;

export const EXEMPLAR_FIELD = {
  timeUnixNano: 2,
  asDouble: 3,
  spanId: 4,
  traceId: 5,
  asInt: 6,
  filteredAttributes: 7,
} as const;
