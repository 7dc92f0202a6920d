import { DOCKET_ACTOR, sameActor } from './actor.ts';
import type { EvidenceRow } from './evidence.ts';

/** What a stored comparison gives when it is asked again. */
export type SignalAgain =
  | { readonly kind: 'answered'; readonly rows: readonly Readonly<Record<string, unknown>>[]; readonly more: boolean }
  | { readonly kind: 'unfinished'; readonly reason: 'took too long' | 'needed too much memory' }
  /** Another one is being asked. */
  | { readonly kind: 'busy' };

/** Asks the queries of service signals again, one at a time and none of anybody's own. Implemented by `store/`. */
export interface SignalRerun {
  /** At most 100 rows. `query` is what `signalQuery` gave for a row of the tenant. */
  again(tenant: string, query: string): Promise<SignalAgain>;
}

/**
 * The SQL by which Docket found what the row says; undefined for rows that have none. Senders write content of that name, too (what was
 * looked for in a store of documents): only what Docket entered itself is a statement to run.
 */
export function signalQuery(row: EvidenceRow): string | undefined {
  const isOwn =
    row.dialect === 'service_signal' &&
    row.source.signal === 'query' &&
    row.trust === 'observed' &&
    sameActor(row.actor, DOCKET_ACTOR);
  const query = row.content['query']?.value ?? '';
  return isOwn && query !== '' ? query : undefined;
}
