import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const JAR = '/usr/share/java/zookeeper.jar';
const JAVA = '/usr/bin/java';
const STARTS_WITHIN_MS = 60_000;

export interface ZooKeeper {
  readonly port: number;
  close(): Promise<void>;
}

/** Why Debian's ZooKeeper cannot be started here; undefined when it can. */
export function zooKeeperMissing(): string | undefined {
  return existsSync(JAR) && existsSync(JAVA) ? undefined : 'Debian’s package zookeeper is not installed';
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** A ZooKeeper of its own on a free port of 127.0.0.1, with its data in a directory that `close` removes. */
export async function startZooKeeper(): Promise<ZooKeeper> {
  const directory = mkdtempSync(join(tmpdir(), 'docket-zookeeper-'));
  const port = await freePort();
  const config = join(directory, 'zoo.cfg');
  writeFileSync(
    config,
    `tickTime=2000
dataDir=${directory}
clientPort=${port}
clientPortAddress=127.0.0.1
admin.enableServer=false
4lw.commands.whitelist=ruok
`,
  );
  const child = spawn(JAVA, ['-Xmx256m', '-cp', JAR, 'org.apache.zookeeper.server.quorum.QuorumPeerMain', config], {
    cwd: directory,
    stdio: 'ignore',
  });
  const exited = once(child, 'exit');
  const close = async (): Promise<void> => {
    child.kill('SIGKILL');
    await exited;
    rmSync(directory, { recursive: true, force: true });
  };
  for (const until = Date.now() + STARTS_WITHIN_MS; ;) {
    if (await isUp(port)) return { port, close };
    if (child.exitCode !== null || Date.now() > until) {
      await close();
      throw new Error('ZooKeeper did not start');
    }
    await delay(200);
  }
}

async function isUp(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    socket.write('ruok');
    const [answer] = (await once(socket, 'data')) as [Buffer];
    return answer.toString() === 'imok';
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
