CREATE TABLE IF NOT EXISTS redaction_receipts
(
  Tenant LowCardinality(String),
  ReceivedAt DateTime64(9) CODEC(Delta(8), ZSTD(1)),
  Signal LowCardinality(String),
  TraceId String CODEC(ZSTD(1)),
  SpanId String CODEC(ZSTD(1)),
  FrameHash String CODEC(ZSTD(1)),
  Item UInt32,
  PolicyVersion LowCardinality(String),
  Path String CODEC(ZSTD(1)),
  Class LowCardinality(String),
  Rule LowCardinality(String),
  RuleVersion UInt32,
  Action LowCardinality(String),
  Encodings Array(LowCardinality(String)),
  OriginalBytes UInt64,
  Fingerprint String CODEC(ZSTD(1)),
  INDEX idx_trace_id TraceId TYPE bloom_filter(0.01) GRANULARITY 1,
  INDEX idx_class Class TYPE set(100) GRANULARITY 4
)
ENGINE = MergeTree
PARTITION BY toDate(ReceivedAt)
ORDER BY (Tenant, TraceId, SpanId, FrameHash, Item, Path)
SETTINGS
  index_granularity = 8192,
  min_bytes_for_wide_part = 134217728,
  ttl_only_drop_parts = 1,
  non_replicated_deduplication_window = 10000,
  fsync_after_insert = 1,
  fsync_part_directory = 1
