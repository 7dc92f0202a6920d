import { WIRE_BYTES } from '../protobuf/reader.ts';
import { type FieldSchema, messageSchema, type MessageName, WIRE_TYPE } from '../protobuf/schema.ts';

/** A field as the transcoder's loop wants it: its JSON name as bytes, its tag, its message resolved. */
export interface CompiledField {
  readonly schema: FieldSchema;
  readonly nameBytes: Uint8Array;
  /** Tag of a single value; `packedTag` of a packed list of them. */
  readonly tag: number;
  readonly packedTag: number;
  readonly message: CompiledMessage | undefined;
}

export interface CompiledMessage {
  readonly name: MessageName;
  /** Fields by the byte length of their JSON name. */
  readonly byNameLength: readonly (readonly CompiledField[] | undefined)[];
  readonly byName: ReadonlyMap<string, CompiledField>;
  /** Bytes to set aside for the length prefix; a guess that saves moving the content later. */
  readonly lengthBytes: number;
}

function expectedLengthBytes(name: MessageName): number {
  if (/^(Resource|Scope)(Spans|Logs|Metrics)$/.test(name)) return 3;
  if (name === 'Span' || name === 'LogRecord' || name === 'Metric' || name === 'Resource') return 2;
  return 1;
}

const compiled = new Map<MessageName, CompiledMessage>();

/** The message and everything it can hold, compiled once per process. */
export function compileMessage(name: MessageName): CompiledMessage {
  const known = compiled.get(name);
  if (known !== undefined) return known;
  const byNameLength: CompiledField[][] = [];
  const byName = new Map<string, CompiledField>();
  const message: CompiledMessage = { name, byNameLength, byName, lengthBytes: expectedLengthBytes(name) };
  // Entered before its fields are compiled, because AnyValue holds itself.
  compiled.set(name, message);
  for (const schema of messageSchema(name).fields) {
    const nameBytes = Buffer.from(schema.name);
    const field: CompiledField = {
      schema,
      nameBytes,
      tag: (schema.number << 3) | WIRE_TYPE[schema.kind],
      packedTag: (schema.number << 3) | WIRE_BYTES,
      message: schema.message === undefined ? undefined : compileMessage(schema.message),
    };
    (byNameLength[nameBytes.length] ??= []).push(field);
    byName.set(schema.name, field);
  }
  return message;
}
