CREATE MATERIALIZED VIEW IF NOT EXISTS otel_traces_trace_id_ts_mv
TO otel_traces_trace_id_ts
AS SELECT
  TraceId,
  min(toDateTime(least(greatest(toUnixTimestamp64Second(Timestamp), 0), 4294967295))) AS Start,
  max(toDateTime(least(greatest(toUnixTimestamp64Second(Timestamp), 0), 4294967295))) AS End,
  Tenant,
  min(toDateTime(ReceivedAt)) AS ReceivedFrom,
  max(toDateTime(ReceivedAt)) AS ReceivedTo,
  toDate(ReceivedAt) AS ReceivedOn
FROM otel_traces
WHERE TraceId != ''
GROUP BY TraceId, Tenant, ReceivedOn
