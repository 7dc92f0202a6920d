import { isRunUnit } from './text-unit.ts';

const roomMin = 4096;
const copiedMin = 24;
const runMin = 16;

/** What one reading of a text notes; used again for the next text, which overwrites it. */
export class TextPass {
  /** The text's UTF-16 units; what lies behind its end is of no meaning. */
  units = new Uint16Array(0);
  /** Offsets at which a run of digits begins; the first `digitCount` entries. */
  digits = new Int32Array(0);
  digitCount = 0;
  /** Offsets of `@`, of what begins an escape, and of characters beyond ASCII; the first `specialCount` entries. */
  specials = new Int32Array(0);
  specialCount = 0;
  /** Where keywords end (exclusive), in order, of the same end the longer keyword first; the first `hitCount` entries. */
  hitEnds = new Int32Array(0);
  /** The keywords' indexes, entry by entry beside `hitEnds`. */
  hitWords = new Uint16Array(0);
  hitCount = 0;
  /** Pairs of offsets: runs of `[A-Za-z0-9+/_-]`, 16 characters or longer; the first `runCount` entries. */
  runs = new Int32Array(0);
  runCount = 0;

  /** Takes the text's units over and forgets what was noted of the text before it. */
  read(text: string): void {
    const { length } = text;
    if (length > this.units.length) {
      const room = Math.max(roomMin, 2 ** Math.ceil(Math.log2(length)));
      this.#bytes = Buffer.alloc(room * 2);
      this.units = new Uint16Array(this.#bytes.buffer, this.#bytes.byteOffset, room);
      this.digits = new Int32Array(room);
      this.specials = new Int32Array(room);
      this.runs = new Int32Array(room / (runMin / 2));
    }
    const { units } = this;
    // Copying by a call costs more than a few characters do.
    if (length < copiedMin) for (let i = 0; i < length; i++) units[i] = text.charCodeAt(i);
    else this.#bytes.write(text, 0, length * 2, 'utf16le');
    this.digitCount = 0;
    this.specialCount = 0;
    this.hitCount = 0;
    this.runCount = 0;
  }

  /** Notes a keyword. Those of one stretch come in the order of their rarest characters, so that few change places here. */
  addHit(end: number, word: number): void {
    let at = this.hitCount++;
    if (at >= this.hitEnds.length) {
      const room = Math.max(roomMin, at * 2);
      const ends = new Int32Array(room);
      const words = new Uint16Array(room);
      ends.set(this.hitEnds);
      words.set(this.hitWords);
      this.hitEnds = ends;
      this.hitWords = words;
    }
    const { hitEnds, hitWords } = this;
    for (; at > 0; at--) {
      const before = hitEnds[at - 1] as number;
      if (before < end || (before === end && (hitWords[at - 1] as number) <= word)) break;
      hitEnds[at] = before;
      hitWords[at] = hitWords[at - 1] as number;
    }
    hitEnds[at] = end;
    hitWords[at] = word;
  }

  /**
   * Notes the runs of a text of so many units. Sixteen units are looked at from their last: one that belongs to no run rules all of them
   * out before it, so most are never read.
   */
  findRuns(length: number): void {
    const { units, runs } = this;
    let count = 0;
    for (let start = 0; start + runMin <= length;) {
      let at = start + runMin - 1;
      while (at >= start && isRunUnit(units[at] as number)) at--;
      if (at >= start) {
        start = at + 1;
        continue;
      }
      let end = start + runMin;
      while (end < length && isRunUnit(units[end] as number)) end++;
      runs[count++] = start;
      runs[count++] = end;
      start = end + 1;
    }
    this.runCount = count;
  }

  #bytes = Buffer.alloc(0);
}
