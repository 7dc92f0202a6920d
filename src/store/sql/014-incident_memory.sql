CREATE TABLE IF NOT EXISTS incident_memory
(
  tenant LowCardinality(String),
  incident String,
  version UInt64,
  head_seq UInt64,
  feature_kinds Array(LowCardinality(String)),
  feature_values Array(String) CODEC(ZSTD(1)),
  feature_weights Array(Float32),
  feature_sources Array(String) CODEC(ZSTD(1)),
  investigation_signatures Array(String),
  investigations String CODEC(ZSTD(1)),
  outcome String CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (tenant, incident)
SETTINGS
  index_granularity = 1024,
  non_replicated_deduplication_window = 10000
