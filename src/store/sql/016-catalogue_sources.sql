CREATE TABLE IF NOT EXISTS catalogue_sources
(
  tenant LowCardinality(String),
  source String,
  version UInt64,
  is_deleted UInt8,
  file_name String,
  entries String CODEC(ZSTD(1)),
  put_by String
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (tenant, source)
SETTINGS
  index_granularity = 1024,
  fsync_after_insert = 1,
  fsync_part_directory = 1
