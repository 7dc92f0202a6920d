import { WIRE_BYTES } from '../otlp/protobuf/reader.ts';
import {
  messageSchema,
  requestSchema,
  WIRE_TYPE,
  type FieldSchema,
  type MessageName,
} from '../otlp/protobuf/schema.ts';
import type { Signal } from '../otlp/signal.ts';

/** Numbers, booleans, enums: nothing to redact. */
export const NUMERIC = 0;
/** Trace and span ids. */
export const ID = 1;
export const TEXT = 2;
export const MESSAGE = 3;
export const KEY_VALUE = 4;
export const ANY_VALUE = 5;

export interface FieldPlan {
  readonly kind: 0 | 1 | 2 | 3 | 4 | 5;
  readonly number: number;
  readonly name: string;
  /** Wire types the field may have, as a bit set. Any other makes it an unknown field. */
  readonly wireTypes: number;
  /** The message's plan, for MESSAGE. */
  readonly message: MessagePlan | undefined;
  /** Ordinals show in receipt paths. */
  readonly numbered: boolean;
}

/** How redaction walks one message: fields by number, made from the schema so that no field can be forgotten. */
export interface MessagePlan {
  readonly name: MessageName;
  readonly fields: readonly (FieldPlan | undefined)[];
  /** Spans, log records and data points: what receipts and facts are counted by. */
  readonly isRecord: boolean;
}

const NUMBERED: ReadonlySet<string> = new Set(['events', 'links', 'exemplars', 'entityRefs']);

const plans = new Map<MessageName, MessagePlan>();

function fieldPlan(field: FieldSchema): FieldPlan {
  const base = {
    number: field.number,
    name: field.name,
    // Repeated numbers may also come packed.
    wireTypes: (1 << WIRE_TYPE[field.kind]) | (field.repeated ? 1 << WIRE_BYTES : 0),
    message: undefined,
    numbered: NUMBERED.has(field.name),
  };
  switch (field.kind) {
    case 'message':
      if (field.message === 'KeyValue') return { ...base, kind: KEY_VALUE };
      if (field.message === 'AnyValue') return { ...base, kind: ANY_VALUE };
      if (field.message === undefined) throw new Error(`field ${field.name} has no message type`);
      return { ...base, kind: MESSAGE, message: messagePlan(field.message) };
    case 'string':
    case 'base64':
      return { ...base, kind: TEXT };
    case 'traceId':
    case 'spanId':
      return { ...base, kind: ID };
    default:
      return { ...base, kind: NUMERIC };
  }
}

/** The plan of a message; KeyValue and AnyValue have none: their walk is hand-written. */
function messagePlan(name: MessageName): MessagePlan {
  const known = plans.get(name);
  if (known !== undefined) return known;
  const fields: (FieldPlan | undefined)[] = [];
  const schema = messageSchema(name);
  const plan: MessagePlan = { name, fields, isRecord: schema.isItem };
  plans.set(name, plan);
  for (const field of schema.fields) fields[field.number] = fieldPlan(field);
  return plan;
}

/** The plan of a signal's export request. */
export function requestPlan(signal: Signal): MessagePlan {
  return messagePlan(requestSchema(signal).name);
}
