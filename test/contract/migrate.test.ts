import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EvidenceRow } from '../../src/record/evidence.ts';
import type { Database } from '../../src/store/database.ts';
import { createEvidenceLog } from '../../src/store/evidence-log.ts';
import { evidenceBlock } from '../../src/store/evidence-row.ts';
import { migrate, readMigrations } from '../../src/store/migrate.ts';
import { DATABASES, type OpenedDatabase } from '../support/databases.ts';

const RETENTION_SECONDS = 86_400;
const MIGRATIONS = readMigrations();
/** Before the table of evidence got small granules. */
const BEFORE = MIGRATIONS.filter((each) => each.number <= 16);
const SINCE = MIGRATIONS.filter((each) => each.number > 16 && each.number <= 24);
const BASE = 1_763_800_000_000_000_000n;

function row(id: string, change: Partial<EvidenceRow> = {}): EvidenceRow {
  return {
    tenant: 't',
    id,
    incident: '',
    kind: 'tool_call',
    state: (change.incident ?? '') === '' ? 'unfiled' : 'linked',
    occurredAtUnixNano: BASE,
    endedAtUnixNano: null,
    receivedAtUnixNano: BASE,
    outcome: 'ok',
    actor: { kind: 'agent', name: 'sre-agent', id: null },
    service: 'cart',
    environment: 'prod',
    summary: 'kubectl get pods',
    tool: null,
    model: null,
    tokens: null,
    conversationId: '',
    sessionId: '',
    content: { result: { captured: true, value: 'pods', bytes: 4, digest: null } },
    redactions: [],
    link: (change.incident ?? '') === '' ? null : { mode: 'explicit', rule: 'attribute incident.id', score: 1 },
    source: { traceId: '', spanId: '', signal: 'traces', alsoSeenAs: [] },
    sourceFamily: 'tool',
    trust: 'self_reported',
    dialect: 'otel-genai',
    namedRefs: [],
    facts: {},
    policyVersion: 'p@1',
    digest: 'd',
    ...change,
  };
}

describe.each(DATABASES)('evidence on %s, written before its table was moved', (_kind, open) => {
  const incident = Array.from({ length: 1_000 }, (_, index) =>
    row(`r${String(index).padStart(4, '0')}`, { incident: 'i', occurredAtUnixNano: BASE + BigInt(index) }),
  );
  let opened: OpenedDatabase;
  let database: Database;

  async function ids(from: string): Promise<readonly string[]> {
    const rows = await database.select<{ id: string }>(
      `SELECT id FROM ${from} FINAL WHERE tenant = 't' ORDER BY incident, id LIMIT 10000`,
    );
    return rows.map(({ id }) => id);
  }

  beforeAll(async () => {
    opened = await open();
    ({ database } = opened);
    await migrate(database, RETENTION_SECONDS, BEFORE);
    const log = createEvidenceLog(database);
    await log.put(incident);
    await log.put([row('r0007', { incident: 'i', summary: 'old', receivedAtUnixNano: BASE - 1n })]);
    await log.put([row('filed'), row('loose')]);
    await log.file('t', 'j', ['filed'], { mode: 'manual', rule: 'by hand', score: 1 });
  });

  afterAll(async () => {
    await opened.close();
  });

  test('is there after migrations of which each broke off before it was written down', async () => {
    for (const migration of SINCE) {
      await database.command('record', migration.sql);
      if (migration.number === 21) {
        // Another Docket was writing when the table got its other name.
        await database.insert('evidence', 'evidence_previous', evidenceBlock([row('late')]), randomUUID());
      }
      await migrate(
        database,
        RETENTION_SECONDS,
        MIGRATIONS.filter((each) => each.number <= migration.number),
      );
    }
    const log = createEvidenceLog(database);
    const page = await log.page('t', 'i', { limit: 500 });
    const rest = await log.page('t', 'i', { limit: 500, cursor: page.next ?? '' });
    expect([...page.items, ...rest.items]).toEqual(incident.toReversed());
    expect(rest.next).toBeNull();
    expect((await log.page('t', 'j', { limit: 10 })).items.map(({ id }) => id)).toEqual(['filed']);
    await log.put([row('filed')]);
    expect((await log.unfiled('t', { limit: 10 })).items.map(({ id }) => id)).toEqual(['loose', 'late']);
  });

  test('lies in small granules when its parts were rewritten', async () => {
    await expect
      .poll(
        async () => {
          const [found] = await database.select<{ marks: string }>(
            `SELECT toString(max(marks)) AS marks FROM system.parts
WHERE database = currentDatabase() AND table = 'evidence' AND active`,
          );
          return Number(found?.marks);
        },
        { timeout: 20_000 },
      )
      .toBeGreaterThan(7);
  });

  test('stays where it is when a Docket that came late moves the table again', async () => {
    const before = await ids('evidence');
    const moves = SINCE.slice(0, 3);
    for (const migration of moves.slice(0, 2)) await database.command('record', migration.sql);
    await expect(database.command('record', moves[2]?.sql ?? '')).rejects.toMatchObject({ code: 57 });
    expect(await ids('evidence')).toEqual(before);
    expect(await ids('evidence_previous')).toEqual([]);
    expect(await migrate(database, RETENTION_SECONDS, MIGRATIONS)).toBe(MIGRATIONS.length - 24);
  });

  test('needs no statement that only makes reading faster and that an older server does not know', async () => {
    const unknown = { number: 9_999, name: 'unknown', sql: 'ALTER TABLE evidence POLISH PARTS', checksum: 'c' };
    await expect(
      migrate(database, RETENTION_SECONDS, [...MIGRATIONS, { ...unknown, optional: false }]),
    ).rejects.toMatchObject({ code: 62 });
    expect(await migrate(database, RETENTION_SECONDS, [...MIGRATIONS, { ...unknown, optional: true }])).toBe(0);
    expect(await migrate(database, RETENTION_SECONDS, MIGRATIONS)).toBe(0);
    expect(MIGRATIONS.filter((each) => each.optional).map((each) => each.number)).toEqual([24]);
  });
});

describe.each(DATABASES)('telemetry on %s, written before its environment had a column', (_kind, open) => {
  let opened: OpenedDatabase;

  beforeAll(async () => {
    opened = await open();
  });

  afterAll(async () => {
    await opened.close();
  });

  test('tells its environment as what is written later does', async () => {
    const { database } = opened;
    const tables = { otel_traces: 'Timestamp', otel_logs: 'Timestamp', otel_metrics_gauge: 'TimeUnix' };
    const write = async (when: string) => {
      for (const [table, time] of Object.entries(tables))
        await database.command(
          'telemetry',
          `INSERT INTO ${table} (${time}, ReceivedAt, ServiceName, ResourceAttributes) VALUES
(now(), now(), '${when} new', map('deployment.environment.name', 'prod', 'deployment.environment', 'other')),
(now(), now(), '${when} old', map('deployment.environment', 'staging')), (now(), now(), '${when} none', map())`,
        );
    };
    await migrate(database, RETENTION_SECONDS, [...BEFORE, ...SINCE]);
    await write('before');
    await migrate(database, RETENTION_SECONDS, MIGRATIONS);
    await write('since');
    for (const table of Object.keys(tables)) {
      const rows = await database.select(
        `SELECT ServiceName AS service, Environment AS environment FROM ${table} ORDER BY service LIMIT 10`,
      );
      expect(rows, table).toEqual(
        ['before', 'since'].flatMap((when) => [
          { service: `${when} new`, environment: 'prod' },
          { service: `${when} none`, environment: '' },
          { service: `${when} old`, environment: 'staging' },
        ]),
      );
    }
  });
});
