/** A stretch of a request to leave out, with the messages around it from the outside in (the request itself not among them). */
export interface Removal {
  readonly start: number;
  readonly end: number;
  readonly enclosing: readonly Enclosing[];
}

/** A length-delimited message: where its length prefix starts, where its content starts and ends. */
export interface Enclosing {
  readonly lengthStart: number;
  readonly contentStart: number;
  readonly end: number;
}

interface Resized extends Enclosing {
  readonly parent: Resized | undefined;
  removed: number;
}

interface Edit {
  readonly start: number;
  readonly end: number;
  readonly replacement: readonly number[];
}

const NOTHING: readonly number[] = [];

const varintBytes = (value: number): number[] => {
  const out: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest >>>= 7) out.push((rest & 0x7f) | 0x80);
  out.push(rest);
  return out;
};

/**
 * The bytes without the removals, with the lengths of the messages around each one made right. Removals must not overlap.
 * Everything else is copied as it is, unknown fields included.
 */
export function spliceMessages(bytes: Buffer, removals: readonly Removal[]): Buffer {
  const edits: Edit[] = [];
  // Keyed by where the length prefix starts. Outer messages are entered before the ones inside them.
  const resized = new Map<number, Resized>();
  let before: readonly Enclosing[] | undefined;
  let parent: Resized | undefined;
  for (const removal of removals) {
    if (removal.enclosing !== before) parent = undefined;
    for (const enclosing of removal.enclosing === before ? [] : removal.enclosing) {
      let entry = resized.get(enclosing.lengthStart);
      if (entry === undefined) {
        const { lengthStart, contentStart, end } = enclosing;
        // Written out: a spread of a million of them takes seconds.
        entry = { lengthStart, contentStart, end, parent, removed: 0 };
        resized.set(enclosing.lengthStart, entry);
      }
      parent = entry;
    }
    before = removal.enclosing;
    if (parent !== undefined) parent.removed += removal.end - removal.start;
    edits.push({ start: removal.start, end: removal.end, replacement: NOTHING });
  }
  // Inside out, because a shorter length prefix shortens the message around it too.
  for (const entry of [...resized.values()].reverse()) {
    const prefix = varintBytes(entry.end - entry.contentStart - entry.removed);
    edits.push({ start: entry.lengthStart, end: entry.contentStart, replacement: prefix });
    if (entry.parent !== undefined) {
      entry.parent.removed += entry.removed + (entry.contentStart - entry.lengthStart - prefix.length);
    }
  }
  edits.sort((a, b) => a.start - b.start);

  const out = Buffer.allocUnsafe(bytes.length);
  let length = 0;
  let from = 0;
  for (const edit of edits) {
    length += bytes.copy(out, length, from, edit.start);
    for (const byte of edit.replacement) out[length++] = byte;
    from = edit.end;
  }
  length += bytes.copy(out, length, from);
  return out.subarray(0, length);
}
