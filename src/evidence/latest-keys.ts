/** What was last said of the keys heard of latest, `max` at most: the key heard of longest ago is forgotten first. */
export interface LatestKeys {
  get(key: string): string | undefined;
  set(key: string, value: string): void;
}

export function createLatestKeys(max: number): LatestKeys {
  const held = new Map<string, string>();
  return {
    get: (key) => held.get(key),
    set(key, value) {
      held.delete(key);
      held.set(key, value);
      const [oldest] = held.keys();
      if (held.size > max && oldest !== undefined) held.delete(oldest);
    },
  };
}
