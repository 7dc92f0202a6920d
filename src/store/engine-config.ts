export interface EngineConfig {
  /** Bytes the engine may use in all. */
  readonly memoryMax: number;
  /** The only folder `file()` may read. */
  readonly userFiles: string;
}

const MiB = 1024 * 1024;

/** Parts are merged by so many threads at once. */
export const MERGE_THREADS = 2;

/**
 * Server settings of the embedded engine, as its config file. ClickHouse's defaults suit a machine of its own (caches of
 * gigabytes, dozens of background threads); these suit a process that shares its machine with an agent's tools.
 */
export function engineConfigXml(config: EngineConfig): string {
  const settings: Readonly<Record<string, string | number>> = {
    user_files_path: config.userFiles,
    max_server_memory_usage: config.memoryMax,
    mark_cache_size: 32 * MiB,
    index_mark_cache_size: 16 * MiB,
    primary_index_cache_size: 32 * MiB,
    uncompressed_cache_size: 0,
    index_uncompressed_cache_size: 0,
    mmap_cache_size: 64,
    compiled_expression_cache_size: 4 * MiB,
    background_pool_size: MERGE_THREADS,
    background_merges_mutations_concurrency_ratio: 1,
    background_move_pool_size: 1,
    background_fetches_pool_size: 1,
    background_common_pool_size: 1,
    background_schedule_pool_size: 2,
    background_buffer_flush_schedule_pool_size: 1,
    background_message_broker_schedule_pool_size: 1,
    background_distributed_schedule_pool_size: 1,
    max_thread_pool_size: 200,
    max_thread_pool_free_size: 8,
  };
  const lines = Object.entries(settings).map(([name, value]) => `  <${name}>${escapeXml(String(value))}</${name}>`);
  const mergeTree = [
    '  <merge_tree>',
    '    <max_bytes_to_merge_at_max_space_in_pool>1073741824</max_bytes_to_merge_at_max_space_in_pool>',
    // A merge holds a block of each part it reads: of agents' spans, the defaults (8,192 rows, 10 MB) made that 180 MB.
    '    <merge_max_block_size>1024</merge_max_block_size>',
    '    <merge_max_block_size_bytes>1048576</merge_max_block_size_bytes>',
    // Compact parts are read by whole granules however small the blocks: of six parts, granules of 10 MB made a merge 165 MB, these 79.
    // Tables name rows of a granule only, so that this holds for those that are there already.
    `    <index_granularity_bytes>${2 * MiB}</index_granularity_bytes>`,
    // None: the engine would count the distinct values of every column, content included, whenever parts are merged.
    '    <auto_statistics_types></auto_statistics_types>',
    '    <number_of_free_entries_in_pool_to_execute_mutation>1</number_of_free_entries_in_pool_to_execute_mutation>',
    '    <number_of_free_entries_in_pool_to_lower_max_size_of_merge>1</number_of_free_entries_in_pool_to_lower_max_size_of_merge>',
    '    <number_of_free_entries_in_pool_to_execute_optimize_entire_partition>1</number_of_free_entries_in_pool_to_execute_optimize_entire_partition>',
    '  </merge_tree>',
  ];
  // Without `console` the engine writes traces of every statement to standard error where that is a terminal, whatever the level.
  return `<clickhouse>\n${[...lines, ...mergeTree].join('\n')}\n  <logger><level>none</level><console>false</console></logger>\n</clickhouse>\n`;
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
