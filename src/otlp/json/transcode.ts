import { OtlpDecodeError } from '../decode-error.ts';
import { ANY_VALUE_DEPTH_MAX, REQUEST_BYTES_MAX } from '../limits.ts';
import { requestSchema } from '../protobuf/schema.ts';
import { type Signal, SIGNALS } from '../signal.ts';
import { type CompiledField, type CompiledMessage, compileMessage } from './compiled-schema.ts';
import { JsonCursor } from './cursor.ts';
import { Output } from './output.ts';
import { ScalarTranscoder } from './scalars.ts';

export interface Transcoded {
  /** The same request in protobuf; memory of its own. */
  readonly bytes: Buffer;
  /** What was ignored although the sender may have meant it (R34), for a partial_success with rejected 0; '' for nothing. */
  readonly warning: string;
  /** Indexes into a table of strings, which only profiles have (R42). */
  readonly stringIndexes: number;
  /** Members that no schema knows, those of members within them left out. */
  readonly unknownMembers: number;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const UNDERSCORE = 0x5f;

/** One open message: `list` is the repeated message field whose `[` is open in it. */
interface Frame {
  message: CompiledMessage;
  contentStart: number;
  anyValueDepth: number;
  first: boolean;
  field: CompiledField | undefined;
  list: boolean;
  index: number;
}

/**
 * OTLP/JSON to protobuf in one pass over the bytes, driven by the schema, without objects and without recursion
 * (R31-R37): ids are hex in any case, 64-bit integers are strings or numbers and keep every digit, enums are numbers or
 * names, doubles may be `"NaN"` or `"Infinity"`, null is unset, unknown fields are ignored at every level. A field that
 * comes twice counts as in protobuf: the last one of a scalar, all of a list.
 *
 * Names in snake_case are not valid in OTLP/JSON and are ignored as unknown, but told of in `warning`. Ids, bytes and
 * 64-bit integers are also taken in the form in which JavaScript senders serialise protobufjs objects
 * (`{"data":[…]}`, `{"low":…,"high":…}`).
 *
 * Throws OtlpDecodeError with the path of field names and indexes to what is wrong, never a value; OtlpSizeError when the protobuf
 * would outgrow both the body and `bytesMax`.
 */
export function transcodeJson(signal: Signal, body: Uint8Array, bytesMax: number = REQUEST_BYTES_MAX): Transcoded {
  return new JsonTranscode(signal, body, bytesMax).run();
}

class JsonTranscode {
  readonly #signal: Signal;
  readonly #json: JsonCursor;
  readonly #out: Output;
  readonly #scalars: ScalarTranscoder;
  readonly #frames: Frame[] = [];
  #depth = 0;
  #snakeCase: string | undefined;
  #otherSignal: Signal | undefined;
  #stringIndexes = 0;
  #unknownMembers = 0;

  constructor(signal: Signal, body: Uint8Array, bytesMax: number) {
    this.#signal = signal;
    this.#json = new JsonCursor(body);
    this.#out = new Output(body.length + 64, bytesMax);
    this.#scalars = new ScalarTranscoder(this.#json, this.#out);
  }

  run(): Transcoded {
    try {
      this.#transcode();
    } catch (error) {
      if (!(error instanceof OtlpDecodeError)) throw error;
      const path = this.#path();
      throw path === '' ? error : new OtlpDecodeError(`${path}: ${error.message}`, { cause: error });
    }
    const bytes = this.#out.finish();
    if (bytes.length === 0 && this.#otherSignal !== undefined) {
      // By the letter an unknown field is ignored; here that would answer "success" to data that is lost.
      throw new OtlpDecodeError(`the body is a ${this.#otherSignal} request sent as ${this.#signal}`);
    }
    const warning =
      this.#snakeCase === undefined
        ? ''
        : `field names in snake_case are not valid in OTLP/JSON and were ignored; write ${this.#snakeCase} in lowerCamelCase`;
    return { bytes, warning, stringIndexes: this.#stringIndexes, unknownMembers: this.#unknownMembers };
  }

  #transcode(): void {
    const json = this.#json;
    if (json.peek() !== OPEN_BRACE) throw json.expected("'{'");
    json.pos += 1;
    this.#push(compileMessage(requestSchema(this.#signal).name), 0);
    while (this.#depth > 0) {
      const frame = this.#top();
      if (frame.list) this.#nextElement(frame);
      else this.#nextField(frame);
    }
    if (json.peek() !== -1) throw json.expected('the end of the text');
  }

  #top(): Frame {
    const frame = this.#frames[this.#depth - 1];
    if (frame === undefined) throw new Error('no message is open');
    return frame;
  }

  #nextField(frame: Frame): void {
    const json = this.#json;
    let next = json.peek();
    if (next === CLOSE_BRACE) {
      json.pos += 1;
      this.#pop(frame);
      return;
    }
    if (frame.first) frame.first = false;
    else {
      if (next !== COMMA) throw json.expected("',' or '}'");
      json.pos += 1;
      next = json.peek();
    }
    if (next !== QUOTE) throw json.expected('a field name');
    json.readString();
    const field = this.#lookUp(frame.message);
    frame.field = field;
    frame.index = -1;
    json.expect(COLON);
    const first = json.peek();
    if (field === undefined) {
      this.#unknownMembers += 1;
      json.skipValue();
      return;
    }
    // A null is an unset field (proto3 JSON).
    if (first === 0x6e && json.tryWord('null')) {
      frame.field = undefined;
      return;
    }
    if (field.schema.repeated) {
      if (first !== OPEN_BRACKET) throw json.expected('an array');
      json.pos += 1;
      if (field.message === undefined) {
        this.#scalars.list(field, frame);
      } else {
        frame.list = true;
        frame.first = true;
        return;
      }
    } else if (field.message !== undefined) {
      if (first !== OPEN_BRACE) throw json.expected('an object');
      json.pos += 1;
      this.#openMessage(frame, field, field.message);
      return;
    } else {
      this.#scalars.single(field, first);
    }
    frame.field = undefined;
  }

  /** The next element of the list of messages that is open in `frame`. */
  #nextElement(frame: Frame): void {
    const json = this.#json;
    const { field } = frame;
    if (field?.message === undefined) throw new Error('no list is open');
    let next = json.peek();
    if (next === CLOSE_BRACKET) {
      json.pos += 1;
      frame.list = false;
      frame.first = false;
      frame.field = undefined;
      return;
    }
    if (frame.first) frame.first = false;
    else {
      if (next !== COMMA) throw json.expected("',' or ']'");
      json.pos += 1;
      next = json.peek();
    }
    frame.index += 1;
    if (next === OPEN_BRACE) {
      json.pos += 1;
      this.#openMessage(frame, field, field.message);
      return;
    }
    // A null among values is a value without anything in it; anywhere else it is a mistake.
    if (field.message.name === 'AnyValue' && json.tryWord('null')) {
      this.#out.varint(field.tag);
      this.#out.varint(0);
      return;
    }
    throw json.expected('an object');
  }

  #openMessage(parent: Frame, field: CompiledField, message: CompiledMessage): void {
    const anyValueDepth = parent.anyValueDepth + (message.name === 'AnyValue' ? 1 : 0);
    if (anyValueDepth > ANY_VALUE_DEPTH_MAX) {
      throw new OtlpDecodeError(`AnyValue nested deeper than ${ANY_VALUE_DEPTH_MAX}`);
    }
    this.#out.varint(field.tag);
    this.#push(message, anyValueDepth);
  }

  #push(message: CompiledMessage, anyValueDepth: number): void {
    const contentStart = this.#depth === 0 ? 0 : this.#out.open(message.lengthBytes);
    const frame = this.#frames[this.#depth];
    if (frame === undefined) {
      this.#frames.push({
        message,
        contentStart,
        anyValueDepth,
        first: true,
        field: undefined,
        list: false,
        index: -1,
      });
    } else {
      // Frames are used again: a request opens one for every message in it.
      frame.message = message;
      frame.contentStart = contentStart;
      frame.anyValueDepth = anyValueDepth;
      frame.first = true;
      frame.field = undefined;
      frame.list = false;
      frame.index = -1;
    }
    this.#depth += 1;
  }

  #pop(frame: Frame): void {
    this.#depth -= 1;
    if (this.#depth === 0) return;
    this.#out.close(frame.contentStart, frame.message.lengthBytes);
    const parent = this.#top();
    if (!parent.list) parent.field = undefined;
  }

  /** The field named by the string read last. */
  #lookUp(message: CompiledMessage): CompiledField | undefined {
    const json = this.#json;
    if (json.escaped) return message.byName.get(json.string());
    const { bytes, start, end } = json;
    const candidates = message.byNameLength[end - start];
    if (candidates !== undefined) {
      for (const candidate of candidates) {
        const { nameBytes } = candidate;
        let at = 0;
        while (at < nameBytes.length && nameBytes[at] === bytes[start + at]) at += 1;
        if (at === nameBytes.length) return candidate;
      }
    }
    this.#noteUnknown(message);
    return undefined;
  }

  #noteUnknown(message: CompiledMessage): void {
    const { bytes, start, end } = this.#json;
    if (end - start > 64) return;
    if (message.name === 'AnyValue' || message.name === 'KeyValue') {
      const name = bytes.toString('latin1', start, end);
      if (name === (message.name === 'KeyValue' ? 'keyStrindex' : 'stringValueStrindex')) this.#stringIndexes += 1;
    }
    if (this.#snakeCase === undefined && bytes.subarray(start, end).includes(UNDERSCORE)) {
      const name = bytes.toString('latin1', start, end);
      const camelCase = name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
      if (message.byName.has(camelCase)) this.#snakeCase = name;
      return;
    }
    if (this.#depth === 1) {
      const name = bytes.toString('latin1', start, end);
      this.#otherSignal ??= SIGNALS.find((signal) => requestSchema(signal).byName.has(name));
    }
  }

  #path(): string {
    let path = '';
    for (const { field, index } of this.#frames.slice(0, this.#depth)) {
      if (field === undefined) break;
      path += path === '' ? field.schema.name : `.${field.schema.name}`;
      if (index >= 0) path += `[${index}]`;
    }
    return path;
  }
}
