CREATE TABLE IF NOT EXISTS unloadable_items
(
  Tenant LowCardinality(String),
  ReceivedAt DateTime64(9) CODEC(Delta(8), ZSTD(1)),
  Signal LowCardinality(String),
  TargetTable LowCardinality(String),
  FrameHash String CODEC(ZSTD(1)),
  Item UInt32,
  Items UInt32,
  PolicyVersion LowCardinality(String),
  ErrorCode Int32,
  Reason String CODEC(ZSTD(1)),
  Frame String CODEC(ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toDate(ReceivedAt)
ORDER BY (Tenant, TargetTable, FrameHash, Item)
SETTINGS
  index_granularity = 8192,
  min_bytes_for_wide_part = 134217728,
  ttl_only_drop_parts = 1,
  non_replicated_deduplication_window = 10000,
  fsync_after_insert = 1,
  fsync_part_directory = 1
