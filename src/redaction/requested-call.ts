import { WireReader } from '../otlp/protobuf/reader.ts';
import { normalisedCallId } from '../otlp/semconv/call-id.ts';
import { REQUESTED_CALLS_MAX, requestedInMessages, type RequestedCall } from '../otlp/semconv/requested-calls.ts';
import type { CallFacts, RequestedCallFacts } from '../pipeline/facts.ts';
import { anyValueText } from './any-value.ts';
import { readKey } from './attribute-key.ts';
import { NAMED_CLASS } from './content-class.ts';
import { stringField } from './message-field.ts';
import { treatmentOf } from './policy.ts';
import { contextWith } from './text-context.ts';
import type { WalkState } from './walk-state.ts';

/** Longer texts are not looked into. */
const TEXT_LENGTH_MAX = 1_048_576;
/** Ids as providers and frameworks make them; prose has spaces. */
const CALL_ID = /^[\w.:|/=+-]{1,128}$/;
const TOOL_NAME = /^[A-Za-z_][\w.:/-]{0,127}$/;
const CALL_ID_KEY = 'gen_ai.tool.call.id';
const TOOL_NAME_KEY = 'gen_ai.tool.name';
/** Arguments that stand apart from the rest of their call: what the keys of all its members begin with. */
const INDEXED_ARGUMENTS =
  /^((?:gen_ai\.completion|llm\.output_messages)\.\d{1,6}\.(?:message\.)?tool_calls\.\d{1,6}\.(?:tool_call\.)?)(?:function\.)?arguments$/;
const INDEXED_MEMBER = /^(.*?\.)(?:function\.)?(id|name)$/;
const OUTPUT_KEY = /(?:output|Output|result|response)/;
const CHOICE = 'gen_ai.choice';

/**
 * Tool calls that the record under way asks for, read from a model's output as it was sent: where the policy withholds the output, nobody
 * after redaction could tell that a call which was run is the one that was asked for, nor how far one reaches that was not.
 */
export class RequestedCalls {
  readonly #walk: WalkState;
  #calls: RequestedCall[] = [];
  /** Arguments by the beginning of their call's keys. */
  #indexed = new Map<string, string>();
  #bounded = 0;

  constructor(walk: WalkState) {
    this.#walk = walk;
  }

  /** Records so far that ask for more calls than facts are kept of. */
  get bounded(): number {
    return this.#bounded;
  }

  get isEmpty(): boolean {
    return this.#calls.length === 0 && this.#indexed.size === 0;
  }

  /** Takes in an attribute of the record whose AnyValue lies from `start` to `end`. */
  noteAttribute(contentClass: string, key: string, start: number, end: number): void {
    const walk = this.#walk;
    if (walk.item < 0 || !this.#mayAsk(contentClass, key)) return;
    const call = INDEXED_ARGUMENTS.exec(key)?.[1];
    if (call === undefined) this.#noteMessages(start, end, (text) => text);
    // One more than are kept says that there are more.
    else if (this.#indexed.size <= REQUESTED_CALLS_MAX) {
      this.#indexed.set(call, anyValueText(walk.bytes, start, end).slice(0, TEXT_LENGTH_MAX));
    }
  }

  /** Takes in the body of a log record: a choice, or the `output` beside an `input`. */
  noteBody(start: number, end: number): void {
    const { eventName } = this.#walk.recordContext();
    if (eventName === CHOICE) this.#noteMessages(start, end, (text) => text);
    else this.#noteMessages(start, end, outputOf);
  }

  /** What is known of each call; `factsOf` gives it of one whose name and arguments are known. */
  facts(factsOf: (call: RequestedCall) => CallFacts | undefined): readonly RequestedCallFacts[] {
    if (this.isEmpty) return [];
    const found: RequestedCallFacts[] = [];
    const calls = [...this.#calls, ...this.#indexedCalls()];
    if (calls.length > REQUESTED_CALLS_MAX) this.#bounded += 1;
    for (const call of calls.slice(0, REQUESTED_CALLS_MAX)) {
      const callId = this.#plain(CALL_ID, CALL_ID_KEY, call.callId, call.name);
      const tool = this.#plain(TOOL_NAME, TOOL_NAME_KEY, call.name, call.name);
      const isKnown = callId !== '' && found.some((each) => each.callId === callId);
      if (isKnown || (callId === '' && tool === '')) continue;
      found.push({ ...factsOf(call), callId, tool });
    }
    return found;
  }

  clear(): void {
    if (this.#calls.length > 0) this.#calls = [];
    if (this.#indexed.size > 0) this.#indexed = new Map();
  }

  /** What a model answered, never what it was asked: that repeats every call there was. */
  #mayAsk(contentClass: string, key: string): boolean {
    if (contentClass === 'messages.output') return true;
    if (contentClass === 'entity.io') return OUTPUT_KEY.test(key);
    if (contentClass !== 'messages.event') return false;
    return (this.#walk.eventName ?? this.#walk.recordContext().eventName) === CHOICE || key === CHOICE;
  }

  #noteMessages(start: number, end: number, part: (text: string) => unknown): void {
    const { bytes } = this.#walk;
    const view = bytes.subarray(start, end);
    // Every form of a call says `tool` or `function`; most answers say neither.
    if (end - start > TEXT_LENGTH_MAX * 3 || !(view.includes('tool') || view.includes('function'))) return;
    const text = anyValueText(bytes, start, end);
    if (text.length <= TEXT_LENGTH_MAX) this.#calls.push(...requestedInMessages(part(text)));
  }

  #indexedCalls(): readonly RequestedCall[] {
    const { record, bytes } = this.#walk;
    if (this.#indexed.size === 0 || record === undefined) return [];
    const members = new Map<string, string>();
    const attributes = (((record.plan.name === 'LogRecord' ? 6 : 9) << 3) | 2) >>> 0;
    const reader = new WireReader(bytes, record.start, record.end);
    for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
      if (tag !== attributes) {
        reader.skip(tag);
        continue;
      }
      const end = reader.lengthEnd();
      const key = stringField(bytes, reader.pos, end, 1);
      const [, call = '', member = ''] = INDEXED_MEMBER.exec(key) ?? [];
      if (this.#indexed.has(call)) members.set(`${call}${member}`, valueString(bytes, reader.pos, end));
      reader.pos = end;
    }
    return [...this.#indexed].map(([call, callArguments]) => ({
      callId: normalisedCallId(members.get(`${call}id`)),
      name: members.get(`${call}name`) ?? '',
      arguments: callArguments,
    }));
  }

  /** The text when it has the form and neither a detector nor a rule of the policy for its key takes it; `''` otherwise. */
  #plain(form: RegExp, key: string, text: string, tool: string): string {
    if (!form.test(text)) return '';
    const { engine, rules } = this.#walk;
    const context = contextWith(this.#walk.textContext(key, ''), { receive: () => {} });
    const { sensitive, named, ignored } = readKey(engine, rules, key, context);
    if (sensitive !== undefined) return '';
    if (ignored) return text;
    const action = named ? treatmentOf(rules, NAMED_CLASS, key, tool).action : 'scrub';
    if (action === 'keep') return text;
    return action === 'scrub' && engine.text.scrub(text, context) === text ? text : '';
  }
}

function outputOf(text: string): unknown {
  if (!/^\s*\{/.test(text)) return undefined;
  try {
    return (JSON.parse(text) as { readonly output?: unknown }).output;
  } catch {
    return undefined;
  }
}

/** The string in the value of a KeyValue. */
function valueString(bytes: Buffer, start: number, end: number): string {
  const reader = new WireReader(bytes, start, end);
  let text = '';
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag !== ((2 << 3) | 2)) {
      reader.skip(tag);
      continue;
    }
    const valueEnd = reader.lengthEnd();
    text = stringField(bytes, reader.pos, valueEnd, 1);
    reader.pos = valueEnd;
  }
  return text;
}
