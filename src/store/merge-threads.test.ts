import { readdirSync, readFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTemporaryStore, type TemporaryStore } from '../../test/support/temporary-store.ts';

let temporary: TemporaryStore;

beforeAll(async () => {
  temporary = await openTemporaryStore();
});

afterAll(async () => {
  await temporary.dispose();
});

/** Nice values of the process's threads, by the threads' names. */
function niceByName(): Map<string, Set<number>> {
  const found = new Map<string, Set<number>>();
  for (const thread of readdirSync('/proc/self/task')) {
    const name = readFileSync(`/proc/self/task/${thread}/comm`, 'utf8').trim();
    found.set(name, (found.get(name) ?? new Set()).add(getPriority(Number(thread))));
  }
  return found;
}

test.runIf(process.platform === 'linux')(
  'merges yield to everything else in the process, and still merge',
  async () => {
    const { command, store } = temporary;
    await command('CREATE TABLE merged (number UInt64) ENGINE = MergeTree ORDER BY number');
    for (let part = 0; part < 3; part += 1) await command('INSERT INTO merged SELECT number FROM numbers(10)');
    await command('OPTIMIZE TABLE merged FINAL');
    const parts = await store.query<{ parts: string }>(
      "SELECT toString(count()) AS parts FROM system.parts WHERE active AND table = 'merged'",
    );
    expect(parts).toEqual([{ parts: '1' }]);
    const nice = niceByName();
    expect(nice.get('MergeMutate')).toEqual(new Set([10]));
    nice.delete('MergeMutate');
    // The engine itself gives a thread of its own precedence where it may.
    const others = [...nice.values()].flatMap((each) => [...each]);
    expect(Math.max(...others)).toBe(getPriority());
  },
);
