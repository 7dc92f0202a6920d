/**
 * The items of one noun within an incident, in the order they were made. Each gets a short label (`H1`, `H2`) that is
 * never given again, and is found by id or label.
 */
export interface Register<T extends { readonly id: string; readonly label: string }> {
  /** The label the next item gets. */
  nextLabel(): string;
  add(item: T): void;
  find(idOrLabel: string): T | undefined;
  replace(item: T): void;
  all(): readonly T[];
  readonly size: number;
  /** Another register with the same items, which goes its own way from here. */
  copy(): Register<T>;
}

export function createRegister<T extends { readonly id: string; readonly label: string }>(prefix: string): Register<T> {
  return registerOf(prefix, new Map<string, T>(), new Map<string, string>());
}

function registerOf<T extends { readonly id: string; readonly label: string }>(
  prefix: string,
  items: Map<string, T>,
  idByLabel: Map<string, string>,
): Register<T> {
  let listed: readonly T[] | undefined;
  return {
    nextLabel: () => `${prefix}${items.size + 1}`,
    add(item) {
      items.set(item.id, item);
      idByLabel.set(item.label, item.id);
      listed = undefined;
    },
    find: (idOrLabel) => items.get(idByLabel.get(idOrLabel) ?? idOrLabel),
    replace(item) {
      items.set(item.id, item);
      listed = undefined;
    },
    all() {
      listed ??= [...items.values()];
      return listed;
    },
    get size() {
      return items.size;
    },
    copy: () => registerOf(prefix, new Map(items), new Map(idByLabel)),
  };
}
