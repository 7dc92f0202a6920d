/** Bytes that a varint takes. */
export function varintLength(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x200000 ? 3 : value < 0x10000000 ? 4 : 5;
}

/** Writes an unsigned 32-bit varint at an offset; returns the offset after it. */
export function writeVarint(bytes: Buffer, at: number, value: number): number {
  let rest = value;
  let offset = at;
  while (rest > 0x7f) {
    bytes[offset++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  bytes[offset++] = rest;
  return offset;
}

function varint(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(varintLength(value));
  writeVarint(bytes, 0, value);
  return bytes;
}

/** A length-delimited field: tag, length, content. */
export function bytesField(field: number, content: Buffer): Buffer {
  return Buffer.concat([varint(((field << 3) | 2) >>> 0), varint(content.length), content]);
}

const EMPTY = Buffer.alloc(0);

/**
 * Replacements of byte ranges of one protobuf request, collected during the walk and applied in one pass. Ranges are
 * disjoint; each call returns by how many bytes the enclosing message grows, which its walker hands to `resize`.
 */
export class Edits {
  readonly #edits: { readonly start: number; readonly end: number; readonly bytes: Buffer }[] = [];

  get size(): number {
    return this.#edits.length;
  }

  /** Takes a whole field out, tag included. */
  remove(start: number, end: number): number {
    this.#edits.push({ start, end, bytes: EMPTY });
    return start - end;
  }

  /**
   * Replaces the content of a length-delimited field.
   * @param lengthAt where its length varint starts
   * @param end where its content ends
   */
  replaceContent(lengthAt: number, end: number, content: Buffer): number {
    const bytes = Buffer.concat([varint(content.length), content]);
    this.#edits.push({ start: lengthAt, end, bytes });
    return bytes.length - (end - lengthAt);
  }

  /** Puts another field in the place of a whole one, tag included. */
  replaceField(start: number, end: number, field: Buffer): number {
    this.#edits.push({ start, end, bytes: field });
    return field.length - (end - start);
  }

  /**
   * Rewrites the length of a message whose content grew by `delta`.
   * @returns the growth of its parent: delta plus what the length itself takes more
   */
  resize(lengthAt: number, contentAt: number, end: number, delta: number): number {
    const bytes = varint(end - contentAt + delta);
    this.#edits.push({ start: lengthAt, end: contentAt, bytes });
    return delta + bytes.length - (contentAt - lengthAt);
  }

  /** Number of edits so far, for `rollback`. */
  mark(): number {
    return this.#edits.length;
  }

  /** Forgets every edit made since `mark`. */
  rollback(mark: number): void {
    this.#edits.length = mark;
  }

  /** The bytes with every edit applied; the same object when there is none. */
  apply(bytes: Buffer): Buffer {
    if (this.#edits.length === 0) return bytes;
    const edits = this.#edits.sort((a, b) => a.start - b.start);
    let length = bytes.length;
    for (const edit of edits) length += edit.bytes.length - (edit.end - edit.start);
    const out = Buffer.allocUnsafe(length);
    let from = 0;
    let to = 0;
    for (const edit of edits) {
      to += bytes.copy(out, to, from, edit.start);
      to += edit.bytes.copy(out, to);
      from = edit.end;
    }
    bytes.copy(out, to, from);
    return out;
  }
}
