import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { engineConfigXml } from '../../src/store/engine-config.ts';
import { startClickHouseFront } from './clickhouse-http-front.ts';
import { startZooKeeper } from './zookeeper.ts';

export interface ClickHouseWithKeeper {
  /** `http://127.0.0.1:port` */
  readonly url: string;
  close(): Promise<void>;
}

/** A ClickHouse server for tests whose KeeperMap tables live in a ZooKeeper of its own. */
export async function startClickHouseWithKeeper(): Promise<ClickHouseWithKeeper> {
  const directory = mkdtempSync(join(tmpdir(), 'docket-keeper-'));
  const zooKeeper = await startZooKeeper();
  const bodies = join(directory, 'bodies');
  mkdirSync(bodies, { recursive: true });
  const config = join(directory, 'engine.xml');
  writeFileSync(
    config,
    engineConfigXml({ memoryMax: 1_500_000_000, userFiles: bodies }).replace(
      '</clickhouse>',
      `<zookeeper><node><host>127.0.0.1</host><port>${zooKeeper.port}</port></node></zookeeper>
<keeper_map_path_prefix>/docket_tests</keeper_map_path_prefix></clickhouse>`,
    ),
  );
  const front = await startClickHouseFront({ directory, connectionArgs: [`--config-file=${config}`] });
  return {
    url: front.url,
    async close() {
      await front.close();
      await zooKeeper.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
