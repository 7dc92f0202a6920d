CREATE TABLE IF NOT EXISTS incident_memory
(
  tenant LowCardinality(String),
  incident String,
  version UInt64,
  head_seq UInt64,
  remembered UInt64 MATERIALIZED cityHash64(incident, version),
  features String CODEC(ZSTD(1)),
  investigation_signatures Array(String),
  investigations String CODEC(ZSTD(1)),
  outcome String CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (tenant, incident)
SETTINGS
  index_granularity = 1024,
  non_replicated_deduplication_window = 10000
