import { isUtf8 } from 'node:buffer';
import { OtlpDecodeError } from '../otlp/decode-error.ts';
import { WIRE_BYTES, WIRE_GROUP_END, WIRE_GROUP_START, WIRE_VARINT, WireReader } from '../otlp/protobuf/reader.ts';
import type { Redaction } from '../pipeline/receipt.ts';
import { readKey, type KeyInfo } from './attribute-key.ts';
import { Edits } from './edits.ts';
import { treatmentOf } from './policy.ts';
import { contextWith } from './text-context.ts';
import type { WalkState } from './walk-state.ts';

/** Messages within an unknown field that are opened; deeper, the field goes, for nobody has looked into it. */
const DEPTH_MAX = 32;
/** Nothing is found in fewer bytes. */
const BYTES_MIN = 3;
/** Nothing is found in a number of fewer digits. */
const DIGITS_MIN = 9;
const NAME_BYTES_MAX = 200;
const OPAQUE = { class: 'content.unknown_field', rule: 'unknown_field', ruleVersion: 1 };
const UNSCANNED = { class: 'content.unscanned', rule: 'budget', ruleVersion: 1 };

/**
 * Fields that the schema does not know: newer ones than Docket's, or a sender's own. The wire says how long they are and not what is in
 * them, so what can be a message is opened and its texts are scrubbed, what is text is scrubbed, and from other bytes nothing can be
 * cut: where a detector finds something in them, the innermost field goes.
 */
export class OpaqueFields {
  readonly #walk: WalkState;

  constructor(walk: WalkState) {
    this.#walk = walk;
  }

  /**
   * Scrubs one whole field of the request.
   * @param tagAt where its tag begins
   * @param valueAt where its value begins: its length, if it has one
   * @returns by how many bytes the message around it grows
   */
  field(tagAt: number, valueAt: number, end: number): number {
    const { bytes, edits, rules } = this.#walk;
    if (rules.unknownFields === 'drop') {
      this.#dropped(bytes.subarray(valueAt, end), undefined);
      return edits.remove(tagAt, end);
    }
    const field = bytes.subarray(tagAt, end);
    const clean = this.#field(field, valueAt - tagAt, undefined, 0);
    if (clean === field) return 0;
    return clean === undefined ? edits.remove(tagAt, end) : edits.replaceField(tagAt, end, clean);
  }

  /** The id of a trace or a span that has not the length of one. Its bytes are looked at, and no others put in their place. */
  malformedId(tagAt: number, start: number, end: number): number {
    const { bytes, edits, rules } = this.#walk;
    const id = bytes.subarray(start, end);
    if (rules.unknownFields === 'drop') this.#dropped(id, undefined);
    else if (this.#asBytes(id, undefined) !== undefined) return 0;
    return edits.remove(tagAt, end);
  }

  /**
   * One field, tag and all; the same bytes when there is nothing in it, undefined when it goes.
   * @param name what the field beside it calls it
   */
  #field(field: Buffer, valueAt: number, name: KeyInfo | undefined, depth: number): Buffer | undefined {
    const reader = new WireReader(field, valueAt);
    switch ((field[0] ?? 0) & 7) {
      case WIRE_VARINT: {
        const digits = BigInt.asIntN(64, reader.varint64()).toString();
        if (digits.length < DIGITS_MIN) return field;
        const clean = this.#scrub(digits, name?.text ?? 'number');
        return clean.text === digits ? field : this.#dropped(field.subarray(valueAt), clean.found[0]);
      }
      case WIRE_BYTES: {
        reader.lengthEnd();
        const content = field.subarray(reader.pos);
        const clean = this.#content(content, name, depth);
        if (clean === content || clean === undefined) return clean === undefined ? undefined : field;
        const edits = new Edits();
        edits.replaceContent(valueAt, field.length, clean);
        return edits.apply(field);
      }
      case WIRE_GROUP_START: {
        const content = field.subarray(valueAt);
        const clean = depth < DEPTH_MAX ? this.#message(content, name, depth + 1) : this.#unscanned(content);
        if (clean === content || clean === undefined) return clean === undefined ? undefined : field;
        return Buffer.concat([field.subarray(0, valueAt), clean]);
      }
      default:
        return this.#asBytes(field.subarray(valueAt), name) === undefined ? undefined : field;
    }
  }

  /** The content of a length-delimited field. */
  #content(content: Buffer, name: KeyInfo | undefined, depth: number): Buffer | undefined {
    if (content.length < BYTES_MIN && name?.sensitive === undefined) return content;
    if (this.#walk.budget.isOver(content.length)) return this.#unscanned(content);
    if (!isMessage(content)) return this.#asText(content, name);
    if (depth >= DEPTH_MAX) return this.#unscanned(content);
    const clean = this.#message(content, name, depth + 1);
    // A text can look like a message by chance, and then a secret may lie over several of its fields.
    if (depth > 0 && !isText(content)) return clean;
    if (clean.length > this.#walk.engine.policy.budgets.valueBytes) return clean;
    const text = clean.toString('utf8');
    const { text: again, found } = this.#scrub(text, '');
    return again === text ? clean : this.#dropped(clean, found[0]);
  }

  /** The fields of a message, or of a group with its end tag. */
  #message(content: Buffer, outer: KeyInfo | undefined, depth: number): Buffer {
    const decided = outer?.sensitive !== undefined || outer?.content !== undefined;
    const name = (decided ? undefined : this.#nameIn(content)) ?? outer;
    const reader = new WireReader(content);
    const edits = new Edits();
    for (let tagAt = 0, tag = reader.tag(); tag !== 0; tagAt = reader.pos, tag = reader.tag()) {
      if ((tag & 7) === WIRE_GROUP_END) continue;
      const valueAt = reader.pos;
      reader.skip(tag);
      const field = content.subarray(tagAt, reader.pos);
      const isName = tag === NAME_TAG && name !== outer;
      const clean = this.#field(field, valueAt - tagAt, isName ? outer : name, depth);
      if (clean === undefined) edits.remove(tagAt, reader.pos);
      else if (clean !== field) edits.replaceField(tagAt, reader.pos, clean);
    }
    return edits.apply(content);
  }

  /** What the first field of a message calls the others, as `key` does in a KeyValue and `name` in many messages. */
  #nameIn(content: Buffer): KeyInfo | undefined {
    if (content[0] !== NAME_TAG) return undefined;
    const reader = new WireReader(content, 1);
    const end = reader.lengthEnd();
    if (end === content.length || end - reader.pos > NAME_BYTES_MAX) return undefined;
    const bytes = content.subarray(reader.pos, end);
    if (!isText(bytes)) return undefined;
    const { engine, rules } = this.#walk;
    return readKey(engine, rules, bytes.toString('utf8'), this.#walk.textContext('', ''));
  }

  #asText(content: Buffer, name: KeyInfo | undefined): Buffer | undefined {
    if (!isUtf8(content)) {
      return name?.sensitive === undefined ? this.#asBytes(content, name) : this.#dropped(content, name.sensitive);
    }
    const { engine, rules } = this.#walk;
    const text = content.toString('utf8');
    const context = this.#walk.textContext(name?.text ?? '', 'unknown');
    if (name?.sensitive !== undefined)
      return kept(content, text, engine.text.replaceWhole(text, name.sensitive, context));
    const contentClass = name?.content === undefined || name.content.agentOnly ? '' : name.content.class;
    if (contentClass === '' || name === undefined) return kept(content, text, engine.text.scrub(text, context));
    const treatment = treatmentOf(rules, contentClass, name.text, '');
    return kept(content, text, engine.text.treat(text, contentClass, treatment, context));
  }

  /** Bytes that are no text: they stay as they are, or go. */
  #asBytes(content: Buffer, name: KeyInfo | undefined): Buffer | undefined {
    if (content.length < BYTES_MIN) return content;
    const text = content.toString('utf8');
    const { text: clean, found } = this.#scrub(text, name?.text ?? '');
    return clean === text ? content : this.#dropped(content, found[0]);
  }

  #scrub(text: string, key: string): { readonly text: string; readonly found: readonly Redaction[] } {
    const found: Redaction[] = [];
    const context = contextWith(this.#walk.textContext(key, 'unknown'), { receive: (each) => void found.push(each) });
    return { text: this.#walk.engine.text.scrub(text, context), found };
  }

  #unscanned(content: Buffer): undefined {
    this.#walk.engine.onFailure('budget');
    return this.#dropped(content, UNSCANNED);
  }

  #dropped(content: Buffer, found: Pick<Redaction, 'class' | 'rule' | 'ruleVersion'> | undefined): undefined {
    const { class: foundClass, rule, ruleVersion } = found ?? OPAQUE;
    this.#walk.receive({
      path: `${this.#walk.path.join('')}unknown`,
      class: foundClass,
      rule,
      ruleVersion,
      action: 'drop',
      encodings: [],
      originalBytes: content.length,
      fingerprint: this.#walk.engine.fingerprints.of(this.#walk.tenant, content),
    });
  }
}

/** The tag of a first field that is a text. */
const NAME_TAG = (1 << 3) | WIRE_BYTES;

function kept(content: Buffer, text: string, clean: string | undefined): Buffer | undefined {
  return clean === text ? content : clean === undefined ? undefined : Buffer.from(clean);
}

/** No other characters of control than tab, line feed and carriage return. */
function isText(bytes: Buffer): boolean {
  return isUtf8(bytes) && bytes.every((each) => each > 0x1f || each === 0x09 || each === 0x0a || each === 0x0d);
}

/** True when the bytes are fields and nothing else: every tag, length and group fits. */
function isMessage(bytes: Buffer): boolean {
  const reader = new WireReader(bytes);
  try {
    for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) reader.skip(tag);
    return true;
  } catch (error) {
    if (error instanceof OtlpDecodeError) return false;
    throw error;
  }
}
