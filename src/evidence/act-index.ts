import type { Act } from './act.ts';
import { KeyTable } from './key-table.ts';
import type { WindowKey } from './window-key.ts';

/** Acts removed before the index is swept of them. */
const GONE_MAX = 8_192;
const NONE: readonly Act[] = [];

/** Finds the acts of the window by keys. An act has a dozen, most keys have one act. */
export class ActIndex {
  /** A key's place. */
  readonly #table = new KeyTable();
  /** An act alone stands without a list. Empty: free, or of an act that was removed since the last sweep. */
  readonly #places: (Act | Act[] | undefined)[] = [];
  readonly #free: number[] = [];
  #gone: number[] = [];

  /** The acts of the tenant under the key, in the order they were added. */
  of(tenant: string, key: WindowKey): readonly Act[] {
    const place = this.#table.get(key);
    const found = place < 0 ? undefined : this.#places[place];
    if (found === undefined) return NONE;
    if (!Array.isArray(found)) return found.tenant === tenant ? [found] : NONE;
    // Keys of two tenants may be the same by chance.
    for (const act of found) {
      if (act.tenant !== tenant || act.place < 0) {
        return found.filter((each) => each.tenant === tenant && each.place >= 0);
      }
    }
    return found;
  }

  add(key: WindowKey, act: Act): void {
    const place = this.#table.get(key);
    const found = place < 0 ? undefined : this.#places[place];
    if (act.place < 0) act.place = this.#take(act);
    if (found === undefined) this.#table.set(key, act.place);
    else if (!Array.isArray(found)) {
      if (found !== act) this.#table.set(key, this.#take([found, act]));
    } else if (found.at(-1) !== act && !found.includes(act)) found.push(act);
  }

  remove(act: Act): void {
    if (act.place < 0) return;
    this.#places[act.place] = undefined;
    this.#gone.push(act.place);
    act.place = -1;
    if (this.#gone.length >= GONE_MAX) this.#sweep();
  }

  #take(what: Act | Act[]): number {
    const place = this.#free.pop() ?? this.#places.length;
    this.#places[place] = what;
    return place;
  }

  /** Takes out the keys of removed acts: one pass over all keys instead of a list of them on every act. */
  #sweep(): void {
    this.#table.sweep((place) => {
      const found = this.#places[place];
      if (!Array.isArray(found)) return found !== undefined;
      const left = found.filter((act) => act.place >= 0);
      if (left.length === found.length) return true;
      this.#places[place] = left;
      if (left.length > 0) return true;
      this.#places[place] = undefined;
      this.#free.push(place);
      return false;
    });
    for (const place of this.#gone) this.#free.push(place);
    this.#gone = [];
  }
}
