import { expect, test } from 'vitest';
import { EngineError } from '../engine-error.ts';
import { compare, inBoth } from './comparison.ts';

const SCOPE = {
  tenant: 'acme',
  services: ['cart'],
  environments: [],
  baselineFromUnixNano: 1n,
  fromUnixNano: 2n,
  toUnixNano: 3n,
  asOfUnixNano: 4n,
};

function failing(error: Error): Parameters<typeof compare>[0] {
  const refuse = () => Promise.reject(error);
  return {
    kind: 'server',
    select: refuse,
    selectRows: refuse,
    command: refuse,
    insert: refuse,
    insertRows: refuse,
    close: refuse,
  };
}

test.each([
  [159, 'TIMEOUT_EXCEEDED', 'took too long'],
  [160, 'TOO_SLOW', 'took too long'],
  [241, 'MEMORY_LIMIT_EXCEEDED', 'needed too much memory'],
])(
  'a statement given up with code %i %s is an unfinished comparison, which keeps its query',
  async (code, symbol, unfinished) => {
    const database = failing(new EngineError(code, symbol, 'retryable'));
    expect(await compare(database, 'SELECT {tenant:String}', SCOPE, { services: [] })).toEqual({
      rows: [],
      query: "SELECT 'acme'",
      unfinished,
    });
  },
);

test('a store that cannot be asked is not an unfinished comparison', async () => {
  const away = new EngineError(null, 'not reachable', 'retryable');
  await expect(compare(failing(away), 'SELECT 1', SCOPE, { services: [] })).rejects.toBe(away);
  const broken = new EngineError(47, 'UNKNOWN_IDENTIFIER', 'retryable');
  await expect(compare(failing(broken), 'SELECT 1', SCOPE, { services: [] })).rejects.toBe(broken);
});

test('a statement gets the values of the parameters it has, and the environments of its scope', async () => {
  const given: unknown[] = [];
  const database = {
    ...failing(new Error('not asked')),
    select: async (...of: unknown[]) => {
      given.push(of);
      return [];
    },
  };
  const of = async (environments: readonly string[]) =>
    (
      await compare(
        database,
        `{from:Int64} {services:Array(String)} ${inBoth()}`,
        { ...SCOPE, environments },
        { services: ['cart'] },
      )
    ).query;
  expect(await of([])).not.toContain('Environment');
  expect(await of(['prod'])).toContain("Environment IN ['prod','']");
  expect(given[0]).toMatchObject([
    expect.anything(),
    { from: 2n, services: ['cart'], tenant: 'acme' },
    expect.anything(),
  ]);
  expect(Object.keys((given[0] as [unknown, object])[1])).not.toContain('environments');
});
