import { statfs } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import type { ComponentHealth, HealthReport } from './api/health.ts';
import type { DocketConfig } from './config/load-config.ts';
import type { PolicyReload } from './policy-reload.ts';
import type { Spool } from './spool/spool.ts';
import type { Store } from './store/connect.ts';

/** A store that takes longer is shown as not answering. */
export const STORE_ANSWER_MS = 5_000;
/** Below this, the spool would soon refuse: shown as not ready. */
const FREE_DISK_BYTES_MIN = 256 * 1024 * 1024;

/**
 * Asks whether ClickHouse answers in time, and how many items it would not take: they are in `unloadable_items`, with
 * reasons. One question at a time: probes of a store that hangs must not use up the connections to it.
 */
export function createStoreHealth(store: Pick<Store, 'kind' | 'query'>): () => Promise<ComponentHealth> {
  const name = 'store';
  let asked: Promise<ComponentHealth | undefined> | undefined;

  async function ask(): Promise<ComponentHealth | undefined> {
    try {
      const rows = await store.query<{ items: string }>('SELECT toString(sum(Items)) AS items FROM unloadable_items');
      const setAsideItems = Number(rows[0]?.items ?? 0);
      const aside = setAsideItems === 0 ? '' : `; ${setAsideItems} items set aside in unloadable_items`;
      const detail = `ClickHouse (${store.kind}) answers${aside}`;
      return { name, ok: true, detail, measures: { setAsideItems } };
    } catch {
      // The error's text may quote rows; that the store does not answer is what matters here.
      return undefined;
    } finally {
      asked = undefined;
    }
  }

  return async () => {
    asked ??= ask();
    const late = setTimeout(STORE_ANSWER_MS, undefined, { ref: false });
    const health = await Promise.race([asked, late]);
    return health ?? { name, ok: false, detail: `ClickHouse (${store.kind}) does not answer` };
  };
}

/** What `/healthz`, `/readyz` and `docket doctor` show: the store, the spool, the disk and the policy in force. */
export async function healthOf(
  { dataDir }: Pick<DocketConfig, 'dataDir'>,
  storeHealth: () => Promise<ComponentHealth>,
  spool: Spool,
  policy: PolicyReload,
): Promise<HealthReport> {
  const components: ComponentHealth[] = [];
  components.push(await storeHealth());
  const status = spool.status();
  const lagBytes = Math.max(0, ...status.consumers.map((consumer) => consumer.pendingBytes));
  components.push({
    name: 'spool',
    ok: status.bytes < status.bytesMax,
    detail: status.consumers
      .map(({ name, pendingFrames, oldestAgeMs, failedAttempts, lastFailure }) => {
        const since = pendingFrames === 0 ? '' : ` for ${Math.round(oldestAgeMs / 1000)} s`;
        const failing = failedAttempts === 0 ? '' : `, failed ${failedAttempts} times, last with ${lastFailure}`;
        return `${name}: ${pendingFrames} requests behind${since}${failing}`;
      })
      .concat(status.deadLetters.length === 0 ? [] : [`${status.deadLetters.length} dead letters`])
      .join('; '),
    measures: {
      bytes: status.bytes,
      bytesMax: status.bytesMax,
      lagBytes,
      deadLetters: status.deadLetters.length,
      corruptFrames: status.corruptFrames,
      duplicates: status.duplicates,
    },
  });
  const disk = await statfs(dataDir);
  const freeBytes = disk.bavail * disk.bsize;
  components.push({
    name: 'disk',
    ok: freeBytes >= FREE_DISK_BYTES_MIN,
    detail: `${Math.floor(freeBytes / 1024 / 1024)} MiB free under the data directory`,
    measures: { freeBytes },
  });
  const ready = components.every((component) => component.ok);
  // A policy file with problems stops nothing: an older policy is in force.
  return { ready, components: [...components, policy.health()] };
}
