import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { afterEach, expect, test } from 'vitest';
import { ServiceUnreachable } from '../../api/client.ts';
import { createOtlpSender } from './otlp-sender.ts';

let server: Server | undefined;

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

test('a receiver that begins an answer and does not end it is one that cannot be reached', async () => {
  server = createServer((_request, response) => response.writeHead(200, { 'content-length': '10' }).write('{'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the receiver has no port');
  const sender = createOtlpSender({ endpoint: `http://127.0.0.1:${address.port}`, timeoutMs: 100 });
  await expect(sender.send('traces', 'application/json', '{}')).rejects.toThrow(ServiceUnreachable);
});
