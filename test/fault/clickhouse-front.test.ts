import { rmSync } from 'node:fs';
import { request } from 'node:http';
import { Readable } from 'node:stream';
import { gunzipSync } from 'node:zlib';
import { ClickHouseError, ClickHouseLogLevel, createClient } from '@clickhouse/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startClickHouseFront, type ClickHouseFront } from '../support/clickhouse-http-front.ts';

let front: ClickHouseFront;

// The client prints every error otherwise, and these tests want some.
const log = { level: ClickHouseLogLevel.OFF };

beforeAll(async () => {
  front = await startClickHouseFront();
  await front.query(
    'CREATE TABLE pets (id UInt32, name String) ENGINE = MergeTree ORDER BY id SETTINGS non_replicated_deduplication_window = 100',
  );
});

afterAll(async () => {
  await front.close();
  rmSync(front.directory, { recursive: true, force: true });
});

test('the client reads, writes, binds parameters and sees the engine’s errors as from a server', async () => {
  const client = createClient({ url: front.url, log, compression: { request: true, response: true } });
  expect((await client.ping()).success).toBe(true);
  await client.insert({ table: 'pets', values: [{ id: 1, name: 'Rex' }], format: 'JSONEachRow' });
  const summary = await client.insert({
    table: 'pets',
    values: [
      { id: 2, name: "Tab\tand'quote" },
      { id: 3, name: 'Mia' },
    ],
    format: 'JSONEachRow',
  });
  expect(summary.summary?.written_rows).toBe('2');
  const found = await client.query({
    query: 'SELECT id FROM pets WHERE name = {name:String}',
    query_params: { name: "Tab\tand'quote" },
    format: 'JSONEachRow',
  });
  expect(await found.json()).toEqual([{ id: 2 }]);
  const failed = await client.query({ query: 'SELECT * FROM nowhere' }).catch((error: unknown) => error);
  expect(failed).toBeInstanceOf(ClickHouseError);
  expect(failed).toMatchObject({ code: '60', type: 'UNKNOWN_TABLE' });
  await client.close();
});

test('Native bodies, gzipped or not, are inserted once a token', async () => {
  const client = createClient({ url: front.url, log, compression: { request: true } });
  const block = Buffer.from('02010269640655496e7433320a000000046e616d6506537472696e67034b6174', 'hex');
  for (let attempt = 0; attempt < 2; attempt += 1) {
    const { stream } = await client.exec({
      query:
        "INSERT INTO pets (`id`, `name`) SETTINGS insert_deduplication_token = 'once', async_insert = 0 FORMAT Native",
      values: Readable.from([block], { objectMode: false }),
    });
    stream.resume();
  }
  expect(await front.rows('SELECT id, name FROM pets WHERE id = 10')).toEqual([{ id: 10, name: 'Kat' }]);
  const cut = await client
    .exec({
      query: 'INSERT INTO pets FORMAT Native',
      values: Readable.from([block.subarray(0, 20)], { objectMode: false }),
    })
    .catch((error: unknown) => error);
  expect(cut).toMatchObject({ code: '33', type: 'CANNOT_READ_ALL_DATA' });
  await client.close();
});

test('errors carry ClickHouse’s code and status; settings of one request do not reach the next', async () => {
  const unknown = await fetch(`${front.url}/?query=SELECT+nope`);
  expect([unknown.status, unknown.headers.get('x-clickhouse-exception-code')]).toEqual([404, '47']);
  const unknownSetting = await fetch(`${front.url}/?query=SELECT+1&no_such_setting=1`);
  expect([unknownSetting.status, unknownSetting.headers.get('x-clickhouse-exception-code')]).toEqual([404, '115']);
  const database = await fetch(`${front.url}/?query=SELECT+1&database=nowhere`);
  expect([database.status, database.headers.get('x-clickhouse-exception-code')]).toEqual([404, '81']);
  const set = await fetch(`${front.url}/?query=SELECT+getSetting('max_threads')&max_threads=3`);
  expect(await set.text()).toBe('3\n');
  const next = await fetch(`${front.url}/?query=SELECT+getSetting('max_threads')`);
  expect(await next.text()).not.toBe('3\n');
});

test('a client that names its protocol revision gets Native blocks in that form', async () => {
  const answer = async (parameters: string): Promise<string> => {
    const response = await fetch(`${front.url}/?default_format=Native${parameters}`, {
      method: 'POST',
      body: "SELECT 'Rex' AS name, toUInt32(7) AS id",
    });
    return Buffer.from(await response.arrayBuffer()).toString('hex');
  };
  const name = '046e616d6506537472696e67';
  const id = '0269640655496e743332';
  expect(await answer('')).toBe(`0201${name}03526578${id}07000000`);
  // Block info (not overflows, bucket -1) first, and after each type a 0 for the default serialization.
  expect(await answer('&client_protocol_version=54460')).toBe(`010002ffffffff000201${name}0003526578${id}0007000000`);
});

test('a body goes into a table whose name stands in double quotes', async () => {
  const query = encodeURIComponent('INSERT INTO "default"."pets" (`id`, `name`) FORMAT JSONEachRow');
  const sent = await fetch(`${front.url}/?query=${query}`, { method: 'POST', body: '{"id": 78, "name": "Quo"}' });
  expect(sent.status).toBe(200);
  expect(await front.rows('SELECT name FROM pets WHERE id = 78')).toEqual([{ name: 'Quo' }]);
});

test('answers are compressed when the client asks for it', async () => {
  const body = await new Promise<Buffer>((resolve, reject) => {
    const sent = request(
      `${front.url}/?query=SELECT+1&enable_http_compression=1`,
      { headers: { 'accept-encoding': 'gzip' } },
      (response) => {
        expect(response.headers['content-encoding']).toBe('gzip');
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => resolve(Buffer.concat(chunks)));
      },
    );
    sent.on('error', reject).end();
  });
  expect(gunzipSync(body).toString()).toBe('1\n');
});

test('what was answered is there after kill -9', async () => {
  await front.query('INSERT INTO pets FORMAT JSONEachRow {"id": 77, "name": "Sticky"}');
  const { directory, port } = front;
  await front.kill();
  front = await startClickHouseFront({ directory, port });
  expect(await front.rows('SELECT name FROM pets WHERE id = 77')).toEqual([{ name: 'Sticky' }]);
});
