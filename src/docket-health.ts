import { statfs } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import type { ComponentHealth, HealthReport } from './api/health.ts';
import type { ForwarderStatus } from './forward/forwarder.ts';
import type { PolicyReload } from './policy-reload.ts';
import type { DamagedRange } from './spool/damage-log.ts';
import type { DeadLetter } from './spool/dead-letters.ts';
import { errorCode } from './spool/files.ts';
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
      const note = setAsideItems === 0 ? {} : { note: true };
      return { name, ok: true, ...note, detail, measures: { setAsideItems } };
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

export interface HealthSources {
  readonly dataDir: string;
  readonly storeHealth: () => Promise<ComponentHealth>;
  readonly spool: Pick<Spool, 'status'>;
  readonly policy: Pick<PolicyReload, 'health'>;
  /** Undefined when nothing is forwarded. */
  readonly forwarder: { status(): ForwarderStatus } | undefined;
}

/** What `/readyz` and `docket doctor` show: the store, the spool, the disk, what was lost or refused, and the policy in force. */
export async function healthOf(sources: HealthSources): Promise<HealthReport> {
  const { dataDir, storeHealth, spool, policy, forwarder } = sources;
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
  components.push(await diskHealth(dataDir));
  const ready = components.every((component) => component.ok);
  // None of these keeps work from being taken: what was lost or refused is past, and for a policy file with problems an older one is in force.
  if (status.damaged.length > 0) components.push(damageHealth(status.damaged));
  if (status.deadLetters.length > 0) components.push(deadLetterHealth(status.deadLetters));
  if (forwarder !== undefined) components.push(forwardHealth(forwarder.status()));
  return { ready, components: [...components, policy.health()], dataDir };
}

/** A disk that does not say how much is free keeps no work away: whether it still takes writes is the spool's to find out. */
async function diskHealth(dataDir: string): Promise<ComponentHealth> {
  const name = 'disk';
  try {
    const disk = await statfs(dataDir);
    const freeBytes = disk.bavail * disk.bsize;
    return {
      name,
      ok: freeBytes >= FREE_DISK_BYTES_MIN,
      detail: `${Math.floor(freeBytes / 1024 / 1024)} MiB free under the data directory`,
      measures: { freeBytes },
    };
  } catch (error) {
    const detail = `how much is free under the data directory is unknown (${errorCode(error)})`;
    return { name, ok: true, note: true, detail };
  }
}

/** So many damaged ranges are named. */
const RANGES_SHOWN = 3;

function damageHealth(damaged: readonly DamagedRange[]): ComponentHealth {
  const damagedBytes = damaged.reduce((sum, { bytes }) => sum + bytes, 0);
  const shown = damaged
    .slice(0, RANGES_SHOWN)
    .map(
      ({ segment, offset, bytes, foundAtUnixMs }) =>
        `${bytes} bytes at ${offset} of ${segment}, found ${at(foundAtUnixMs)}`,
    );
  const more = damaged.length > RANGES_SHOWN ? [`${damaged.length - RANGES_SHOWN} more`] : [];
  return {
    name: 'spool damage',
    ok: false,
    detail:
      `requests were acknowledged and are lost, in ${damaged.length} damaged parts: ${[...shown, ...more].join('; ')}. ` +
      'spool/damaged.jsonl lists them: remove it when you have dealt with them, and the next start forgets them',
    measures: { damagedParts: damaged.length, damagedBytes },
  };
}

function deadLetterHealth(letters: readonly DeadLetter[]): ComponentHealth {
  const newest = letters.at(-1);
  const last =
    newest === undefined ? '' : `; the newest of ${at(newest.atUnixMs)}, by ${newest.consumer}: ${newest.reason}`;
  return {
    name: 'dead letters',
    ok: false,
    detail: `${letters.length} batches were refused for good and are in spool/dead-letter${last}`,
    measures: { deadLetters: letters.length, frames: letters.reduce((sum, { frames }) => sum + frames, 0) },
  };
}

function forwardHealth(status: ForwarderStatus): ComponentHealth {
  const { acceptedItems, rejectedItems, refusedItems, refusedRequests, leftOut, lastRefusal } = status;
  const parts = [`${acceptedItems} items taken by the endpoint since the start`];
  if (rejectedItems > 0) parts.push(`${rejectedItems} items rejected by it (partial success)`);
  if (refusedRequests > 0) parts.push(`${refusedRequests} requests refused by it with ${refusedItems} items`);
  if (leftOut > 0) parts.push(`${leftOut} unknown groups and deep values left out, which it cannot decode`);
  if (lastRefusal !== undefined) parts.push(`last ${at(lastRefusal.atUnixMs)}: ${lastRefusal.reason}`);
  return {
    name: 'forward',
    ok: true,
    ...(rejectedItems + refusedRequests + leftOut > 0 ? { note: true } : {}),
    detail: parts.join('; '),
    measures: { acceptedItems, rejectedItems, refusedItems, leftOut },
  };
}

function at(unixMs: number): string {
  return new Date(unixMs).toISOString();
}
