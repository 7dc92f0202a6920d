CREATE TABLE IF NOT EXISTS incident_features
(
  tenant LowCardinality(String),
  kind LowCardinality(String),
  value String CODEC(ZSTD(1)),
  incident String CODEC(ZSTD(1)),
  version UInt64,
  remembered UInt64 MATERIALIZED cityHash64(incident, version),
  weight Float32,
  source String CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (tenant, kind, value, incident)
SETTINGS
  index_granularity = 256,
  non_replicated_deduplication_window = 10000
