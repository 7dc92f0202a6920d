import { describe, expect, test } from 'vitest';
import { inBackground } from '../../src/store/database.ts';
import { DATABASES, openOnEmbedded } from '../support/databases.ts';

describe.each(DATABASES)('reads on %s', (_kind, open) => {
  test('wait for no read in the background, which run one after another', async () => {
    const { database, close } = await open();
    const background = inBackground(database);
    const ended: string[] = [];
    const slow = Array.from({ length: 10 }, async (_, index) => {
      await background.select(`SELECT sleep(0.2) AS slept`);
      ended.push(`background ${index}`);
    });
    await database.select('SELECT 1 AS one');
    ended.push('foreground');
    await Promise.all(slow);
    expect(ended).toEqual(['foreground', ...Array.from({ length: 10 }, (_, index) => `background ${index}`)]);
    await close();
  });
});

test('reads in the background of the embedded engine give way to those that somebody waits for', async () => {
  const { database, close } = await openOnEmbedded();
  const mine = `SELECT Settings['priority'] AS priority FROM system.processes WHERE query LIKE '%what am I%' LIMIT 1`;
  const [foreground] = await database.select<{ priority: string }>(mine);
  const [background] = await inBackground(database).select<{ priority: string }>(mine);
  // A higher number waits for a lower one.
  expect(Number(foreground?.priority)).toBe(1);
  expect(Number(background?.priority)).toBe(2);
  await close();
});
