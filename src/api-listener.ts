import { serve } from '@hono/node-server';
import { once } from 'node:events';
import { formatListenAddress, type ListenAddress } from './config/listen-address.ts';

/** The socket on which the API and the pages are served. */
export interface ApiListener {
  /** Where it listens, with the port it was given when 0 was asked for. */
  readonly address: ListenAddress;
  /** Takes no more connections and ends those there are. */
  close(): Promise<void>;
}

/** Listens for an app's requests. Throws with the address and the reason when that is not possible. */
export async function listenForApi(
  fetch: (request: Request) => Response | Promise<Response>,
  asked: ListenAddress,
): Promise<ApiListener> {
  const server = serve({ fetch, hostname: asked.host, port: asked.port });
  if (!server.listening) {
    const failed = once(server, 'error').then(([error]: unknown[]) => {
      const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
      throw new Error(`cannot listen on ${formatListenAddress(asked)} for the API: ${code}`);
    });
    await Promise.race([once(server, 'listening'), failed]);
  }
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new Error('the API has no address');
  return {
    address: { host: bound.address, port: bound.port },
    async close() {
      const closed = once(server, 'close');
      server.close();
      // Followers of a stream never end by themselves.
      if ('closeAllConnections' in server) server.closeAllConnections();
      await closed;
    },
  };
}
