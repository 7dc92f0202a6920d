import { WireReader } from '../otlp/protobuf/reader.ts';
import type { Chunk } from './chunked-text.ts';
import { attributeText, attributeString, stringField, wholeString } from './message-field.ts';

/** Names of the events that carry one piece of a streamed answer. */
const DELTA_NAME = /(?:delta|chunk|stream|partial|token)/i;
/** Several answers may be streamed at once. */
const DELTA_CHOICE_KEYS = ['gen_ai.choice.index', 'choice.index', 'choice'];

/** Where the deltas of one stream lie, and under which key they stand ('' for bodies). */
export interface StreamedDeltas {
  readonly key: string;
  readonly chunks: readonly Chunk[];
}

interface DeltaFields {
  readonly name: number;
  readonly attributes: number;
  /** 0 where there is none. */
  readonly body: number;
}

const EVENT_FIELDS: DeltaFields = { name: 2, attributes: 3, body: 0 };
const LOG_FIELDS: DeltaFields = { name: 12, attributes: 6, body: 5 };

/**
 * Streamed answers come as one span event or log record a delta: those of one name, choice and key belong together.
 * @param kind what the messages are
 * @param field their number in the message whose content is `start` to `end`
 */
export function streamedDeltas(
  kind: 'event' | 'log',
  bytes: Buffer,
  field: number,
  start: number,
  end: number,
): readonly StreamedDeltas[] {
  const groups = new Map<string, { readonly key: string; readonly chunks: Chunk[] }>();
  const reader = new WireReader(bytes, start, end);
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag !== ((field << 3) | 2)) {
      reader.skip(tag);
      continue;
    }
    const itemEnd = reader.lengthEnd();
    collectDelta(kind === 'log' ? LOG_FIELDS : EVENT_FIELDS, bytes, reader.pos, itemEnd, (stream, key, chunk) => {
      const group = groups.get(`${stream}\0${key}`) ?? { key, chunks: [] };
      groups.set(`${stream}\0${key}`, group);
      group.chunks.push(chunk);
    });
    reader.pos = itemEnd;
  }
  return [...groups.values()].filter(({ chunks }) => chunks.length > 1);
}

function collectDelta(
  fields: DeltaFields,
  bytes: Buffer,
  start: number,
  end: number,
  add: (stream: string, key: string, chunk: Chunk) => void,
): void {
  const name =
    stringField(bytes, start, end, fields.name) ||
    (fields.body === 0 ? '' : attributeString(bytes, start, end, fields.attributes, 'event.name'));
  if (!DELTA_NAME.test(name)) return;
  const choice = DELTA_CHOICE_KEYS.map((key) => attributeText(bytes, start, end, fields.attributes, key)).join();
  const addText = (key: string, valueStart: number, valueEnd: number): void => {
    const at = wholeString(bytes, valueStart, valueEnd);
    if (at >= 0) add(`${name}\0${choice}`, key, { at, text: bytes.toString('utf8', at, valueEnd) });
  };
  const reader = new WireReader(bytes, start, end);
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    const isBody = fields.body !== 0 && tag === ((fields.body << 3) | 2);
    if (!isBody && tag !== ((fields.attributes << 3) | 2)) {
      reader.skip(tag);
      continue;
    }
    const valueEnd = reader.lengthEnd();
    if (isBody) {
      addText('', reader.pos, valueEnd);
    } else {
      const pair = new WireReader(bytes, reader.pos, valueEnd);
      const key = stringField(bytes, reader.pos, valueEnd, 1);
      for (let inner = pair.tag(); inner !== 0; inner = pair.tag()) {
        if (inner !== 0x12) {
          pair.skip(inner);
          continue;
        }
        const innerEnd = pair.lengthEnd();
        addText(key, pair.pos, innerEnd);
        pair.pos = innerEnd;
      }
    }
    reader.pos = valueEnd;
  }
}
