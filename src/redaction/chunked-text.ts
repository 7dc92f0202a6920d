/**
 * One text that came in pieces: the deltas of a stream over events or log records, the words of a command over the items of a
 * list. No piece shows what the whole does, so the whole is looked at and what is found is taken out of the pieces.
 */
export interface Chunk {
  /** Where the piece's bytes begin in the request. */
  readonly at: number;
  readonly text: string;
}

/** A replacement in the joined text. */
export interface JoinedEdit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** Longer wholes are looked at in parts that overlap by nothing: a stream of that length holds few secrets across one cut. */
const JOINED_LENGTH_MAX = 65_536;
const CHUNKS_MAX = 4096;

/**
 * Joins the pieces, asks what to replace, and notes the new text of each piece that changes, by its place. A finding over
 * several pieces leaves its replacement in the first and nothing in the others.
 */
export function redactChunks(
  chunks: readonly Chunk[],
  separator: string,
  edit: (joined: string) => readonly JoinedEdit[],
  changed: Map<number, string>,
): void {
  for (let from = 0; from < chunks.length;) {
    let to = from;
    let joined = '';
    const starts: number[] = [];
    while (to < chunks.length && to - from < CHUNKS_MAX) {
      const text = changed.get(chunks[to]?.at ?? -1) ?? chunks[to]?.text ?? '';
      if (to > from && joined.length + text.length > JOINED_LENGTH_MAX) break;
      if (to > from) joined += separator;
      starts.push(joined.length);
      joined += text;
      to += 1;
    }
    if (to - from > 1) applyEdits(chunks, from, starts, joined, separator.length, edit(joined), changed);
    from = to;
  }
}

function applyEdits(
  chunks: readonly Chunk[],
  from: number,
  starts: readonly number[],
  joined: string,
  gap: number,
  edits: readonly JoinedEdit[],
  changed: Map<number, string>,
): void {
  if (edits.length === 0) return;
  for (const [index, start] of starts.entries()) {
    const end = (starts[index + 1] ?? joined.length + gap) - gap;
    let out = '';
    let at = start;
    let touched = false;
    for (const each of edits) {
      if (each.end <= start || each.start >= end) continue;
      touched = true;
      if (each.start > at) out += joined.slice(at, each.start);
      // The piece in which the finding begins says what was there.
      if (each.start >= start) out += each.text;
      at = Math.min(end, each.end);
    }
    if (touched) changed.set(chunks[from + index]?.at ?? -1, out + joined.slice(at, end));
  }
}
