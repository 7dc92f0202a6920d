CREATE TABLE IF NOT EXISTS evidence_next AS evidence
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (tenant, incident, id)
SETTINGS
  index_granularity = 128,
  min_compress_block_size = 16384,
  max_compress_block_size = 16384,
  min_bytes_for_wide_part = 16777216,
  non_replicated_deduplication_window = 10000,
  fsync_after_insert = 1,
  fsync_part_directory = 1
