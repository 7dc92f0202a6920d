import { WireReader } from '../otlp/protobuf/reader.ts';
import { messageSchema, type MessageName } from '../otlp/protobuf/schema.ts';

/** A text of a request and where it stands, as `resourceSpans[0].scopeSpans[0].spans[1].attributes[gen_ai.prompt]`. */
export interface PlacedText {
  readonly path: string;
  readonly text: string;
}

const WIRE_BYTES = 2;

/** Every text of a message: strings, bytes (as base64), attribute values by key. Numbers, ids and unknown fields are left out. */
export function textsOf(name: MessageName, bytes: Buffer): readonly PlacedText[] {
  const found: PlacedText[] = [];
  walk(name, bytes, '', found, new Map());
  return found;
}

function walk(name: MessageName, bytes: Buffer, path: string, found: PlacedText[], taken: Map<string, number>): void {
  const schema = messageSchema(name);
  const ordinals = new Map<number, number>();
  const reader = new WireReader(bytes);
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    const field = schema.byNumber.get(tag >>> 3);
    if (field === undefined || (tag & 7) !== WIRE_BYTES) {
      reader.skip(tag);
      continue;
    }
    const content = reader.view();
    const here = path === '' ? field.name : `${path}.${field.name}`;
    if (field.kind === 'string' || field.kind === 'base64') {
      const text = content.toString(field.kind === 'string' ? 'utf8' : 'base64');
      found.push({ path: distinct(name === 'AnyValue' ? path : here, taken), text });
    } else if (field.message === 'KeyValue') {
      const key = keyOf(content);
      const at = field.name === 'values' ? `${path}[${key}]` : `${here}[${key}]`;
      pair(content, at, found, taken);
    } else if (field.message !== undefined) {
      const ordinal = ordinals.get(field.number) ?? 0;
      ordinals.set(field.number, ordinal + 1);
      const inner = field.repeated ? `[${ordinal}]` : '';
      const transparent = name === 'AnyValue' || name === 'ArrayValue';
      walk(field.message, content, transparent ? `${path}${inner}` : `${here}${inner}`, found, taken);
    }
  }
}

/** An attribute: its value under its key. */
function pair(bytes: Buffer, path: string, found: PlacedText[], taken: Map<string, number>): void {
  const reader = new WireReader(bytes);
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag >>> 3 === 2 && (tag & 7) === WIRE_BYTES) walk('AnyValue', reader.view(), path, found, taken);
    else reader.skip(tag);
  }
}

function keyOf(bytes: Buffer): string {
  let key = '';
  const reader = new WireReader(bytes);
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag >>> 3 === 1 && (tag & 7) === WIRE_BYTES) key = reader.string();
    else reader.skip(tag);
  }
  return key;
}

/** Keys may come twice: the second is another place. */
function distinct(path: string, taken: Map<string, number>): string {
  const count = (taken.get(path) ?? 0) + 1;
  taken.set(path, count);
  return count === 1 ? path : `${path} (${count})`;
}
