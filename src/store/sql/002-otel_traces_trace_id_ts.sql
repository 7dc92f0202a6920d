CREATE TABLE IF NOT EXISTS otel_traces_trace_id_ts
(
  TraceId String CODEC(ZSTD(1)),
  Start SimpleAggregateFunction(min, DateTime) CODEC(Delta(4), ZSTD(1)),
  End SimpleAggregateFunction(max, DateTime) CODEC(Delta(4), ZSTD(1)),
  Tenant LowCardinality(String) CODEC(ZSTD(1)),
  ReceivedFrom SimpleAggregateFunction(min, DateTime) CODEC(Delta(4), ZSTD(1)),
  ReceivedTo SimpleAggregateFunction(max, DateTime) CODEC(Delta(4), ZSTD(1)),
  ReceivedOn Date CODEC(ZSTD(1)),
  INDEX idx_trace_id TraceId TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = AggregatingMergeTree
PARTITION BY ReceivedOn
ORDER BY (TraceId, Tenant)
SETTINGS
  index_granularity = 8192,
  min_bytes_for_wide_part = 134217728,
  ttl_only_drop_parts = 1,
  non_replicated_deduplication_window = 10000,
  fsync_after_insert = 1,
  fsync_part_directory = 1
