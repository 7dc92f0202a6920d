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
/** There is none of this part. */
const NONE = -1;
/** Below this many bytes a loop beats the call that copies them. */
const LOOP_COPY_MAX = 40;
/** An AnyValue's string_value. */
const STRING_VALUE = 0x0a;

/** What stands in the place of bytes [start, end): these parts one after another. */
interface Edit {
  readonly start: number;
  readonly end: number;
  /** Length of a message around the rest. */
  readonly outer: number;
  readonly tag: number;
  readonly length: number;
  readonly content: Buffer | string;
  /** UTF-8 bytes of the content, and of all parts. */
  readonly contentBytes: number;
  readonly bytes: number;
}

/**
 * Replacements of byte ranges of one protobuf request, collected during the walk and applied in one pass. Ranges are
 * disjoint; each call returns by how many bytes the enclosing message grows, which its walker hands to `resize`. Texts are
 * encoded when they are applied, where they belong.
 */
export class Edits {
  readonly #edits: Edit[] = [];

  get size(): number {
    return this.#edits.length;
  }

  /** Takes a whole field out, tag included. */
  remove(start: number, end: number): number {
    return this.#add(start, end, NONE, NONE, NONE, EMPTY, 0);
  }

  /**
   * Replaces the content of a length-delimited field.
   * @param lengthAt where its length varint starts
   * @param end where its content ends
   */
  replaceContent(lengthAt: number, end: number, content: Buffer | string): number {
    const contentBytes = Buffer.byteLength(content);
    return this.#add(lengthAt, end, NONE, NONE, contentBytes, content, contentBytes);
  }

  /** Replaces the content of a field that holds an AnyValue with a text. */
  replaceValue(lengthAt: number, end: number, text: string): number {
    const contentBytes = Buffer.byteLength(text);
    const outer = 1 + varintLength(contentBytes) + contentBytes;
    return this.#add(lengthAt, end, outer, STRING_VALUE, contentBytes, text, contentBytes);
  }

  /** Puts another field in the place of a whole one, tag included. */
  replaceField(start: number, end: number, field: Buffer): number {
    return this.#add(start, end, NONE, NONE, NONE, field, field.length);
  }

  /**
   * Rewrites the length of a message whose content grew by `delta`.
   * @returns the growth of its parent: delta plus what the length itself takes more
   */
  resize(lengthAt: number, contentAt: number, end: number, delta: number): number {
    return delta + this.#add(lengthAt, contentAt, end - contentAt + delta, NONE, NONE, EMPTY, 0);
  }

  #add(
    start: number,
    end: number,
    outer: number,
    tag: number,
    length: number,
    content: Buffer | string,
    contentBytes: number,
  ): number {
    const bytes =
      (outer === NONE ? 0 : varintLength(outer)) +
      (tag === NONE ? 0 : 1) +
      (length === NONE ? 0 : varintLength(length)) +
      contentBytes;
    this.#edits.push({ start, end, outer, tag, length, content, contentBytes, bytes });
    return bytes - (end - start);
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
    for (const edit of edits) length += edit.bytes - (edit.end - edit.start);
    const out = Buffer.allocUnsafe(length);
    let from = 0;
    let to = 0;
    for (const edit of edits) {
      to = copy(bytes, from, edit.start, out, to);
      if (edit.outer !== NONE) to = writeVarint(out, to, edit.outer);
      if (edit.tag !== NONE) out[to++] = edit.tag;
      if (edit.length !== NONE) to = writeVarint(out, to, edit.length);
      const { content, contentBytes } = edit;
      if (typeof content === 'string')
        to += out.write(content, to, contentBytes === content.length ? 'latin1' : 'utf8');
      else to = copy(content, 0, contentBytes, out, to);
      from = edit.end;
    }
    copy(bytes, from, bytes.length, out, to);
    return out;
  }
}

/** Copies bytes [from, end) to an offset; returns the offset after them. */
function copy(source: Buffer, from: number, end: number, out: Buffer, to: number): number {
  if (end - from > LOOP_COPY_MAX) return to + source.copy(out, to, from, end);
  let at = to;
  for (let each = from; each < end; each += 1) out[at++] = source[each] as number;
  return at;
}
