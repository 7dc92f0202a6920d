import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { afterEach, expect, test } from 'vitest';
import { ProofFailed } from '../cli/policy/tools.ts';
import { createCells } from './cells.ts';
import { sendFailing } from './failing-request.ts';
import { typeText } from './typed-text.ts';

let server: Server | undefined;

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

/** A service that answers with one status, or one by what was sent. */
async function answering(status: number | ((body: string) => number)): Promise<string> {
  server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (chunk: string) => (body += chunk));
    request.on('end', () => response.writeHead(typeof status === 'number' ? status : status(body)).end('{}'));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the service has no port');
  return `127.0.0.1:${address.port}`;
}

test.each([400, 422, 503])('typed text that the service refuses with %i proves nothing', async (status) => {
  const api = await answering(status);
  await expect(typeText(api, createCells(), 'INC-1')).rejects.toThrow(ProofFailed);
});

test('what a field cannot hold is no proof, and the rest is', async () => {
  const cells = createCells();
  const api = await answering((text) => (text.includes('\\u001b') ? 422 : 201));
  await typeText(api, cells, 'INC-1');
  const untaken = [...cells.untaken].map((number) => cells.all[number]);
  expect(untaken.map((cell) => cell?.position)).toHaveLength(5);
  expect(new Set(untaken.map((cell) => cell?.carrier))).toEqual(new Set(['ANSI colours']));
});

test('a request that must fail and does not proves nothing', async () => {
  const api = await answering(200);
  await expect(sendFailing({ api, otlpHttp: api }, createCells(), 'INC-1')).rejects.toThrow(ProofFailed);
});

test('a service that is not there is a failed proof', async () => {
  await expect(typeText('127.0.0.1:1', createCells(), 'INC-1')).rejects.toThrow(/did not answer/);
});
