CREATE TABLE IF NOT EXISTS record_entries
(
  tenant LowCardinality(String),
  incident String,
  seq UInt64,
  entry_id String,
  type LowCardinality(String),
  actor_kind LowCardinality(String),
  actor_name String,
  occurred_at String,
  recorded_at String,
  hash String,
  entry String CODEC(ZSTD(1))
)
ENGINE = MergeTree
ORDER BY (tenant, incident, seq)
SETTINGS
  index_granularity = 1024,
  min_bytes_for_wide_part = 134217728,
  non_replicated_deduplication_window = 10000,
  fsync_after_insert = 1,
  fsync_part_directory = 1
