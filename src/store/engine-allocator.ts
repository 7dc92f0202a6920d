/**
 * How long the engine's allocator keeps memory that was freed, for whoever asks next. It is the engine's own (jemalloc, inside its library) and keeps it
 * for 5 s by default: while parts were merged those were up to 177 MB of nothing (docs/benchmarks.md). Half a second still serves what comes and
 * goes within a statement; none at all makes merges half as dear again.
 *
 * Read from the environment once, when the library is loaded: import this before chdb. What the environment already says stands.
 */
process.env['JE_MALLOC_CONF'] ??= 'dirty_decay_ms:500';
