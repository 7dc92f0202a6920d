import { WireReader } from '../otlp/protobuf/reader.ts';
import { contentKey, isAgentName, isAgentScope, type ContentKey } from '../otlp/semconv/content-keys.ts';
import type { ItemFacts } from '../pipeline/facts.ts';
import type { RecordReceipt, Redaction } from '../pipeline/receipt.ts';
import { anyValueText } from './any-value.ts';
import type { ByteMemo } from './byte-memo.ts';
import type { Scanner } from './detectors/scanner.ts';
import { createDeadline, type Deadline } from './detectors/work-deadline.ts';
import { redactChunks, type Chunk } from './chunked-text.ts';
import { bytesField, Edits } from './edits.ts';
import type { Fingerprints } from './fingerprint.ts';
import type { Markers } from './marker.ts';
import { ANY_VALUE, ID, KEY_VALUE, MESSAGE, NUMERIC, TEXT, type FieldPlan, type MessagePlan } from './message-plan.ts';
import { metadataOnly } from './metadata-only.ts';
import { messageRole } from './message-content.ts';
import {
  rulesFor,
  scrubsPlainly,
  treatmentOf,
  type CompiledPolicy,
  type MessageRole,
  type PolicyRules,
} from './policy.ts';
import { isToolKey, NO_CONTEXT, readRecordContext, type RecordContext } from './record-context.ts';
import type { KeyRule, TextContext, TextRedactor } from './text-redactor.ts';
import { toolFacts } from './tool-facts.ts';

/** What the key of an attribute says, before its value is looked at. */
export interface KeyInfo {
  readonly text: string;
  /** The key as it may leave: the same, or with what a detector found in it replaced. */
  readonly cleanText: string;
  readonly content: ContentKey | undefined;
  readonly sensitive: KeyRule | undefined;
  readonly ignored: boolean;
  /** Nothing but its value's text decides about it, so a clean pair of bytes stays clean. */
  readonly ordinary: boolean;
}

/** What is remembered between requests, for one set of rules. */
export interface RulesMemory {
  /** Whole attributes in which there was nothing to do. */
  readonly pairs: ByteMemo<true>;
  /** Texts of which the same holds. Apart from the pairs: the bytes of a harmless text may be those of a telling pair. */
  readonly texts: ByteMemo<true>;
  /** Keys that leave as they came. */
  readonly keys: ByteMemo<KeyInfo>;
}

export interface Engine {
  readonly scanner: Scanner;
  readonly markers: Markers;
  readonly fingerprints: Fingerprints;
  readonly text: TextRedactor;
  readonly policy: CompiledPolicy;
  memoryOf(rules: PolicyRules): RulesMemory;
  onFailure(reason: 'engine_error' | 'budget'): void;
}

export interface RequestOutcome {
  readonly bytes: Buffer;
  readonly receipts: readonly RecordReceipt[];
  readonly facts: readonly ItemFacts[];
}

interface Range {
  readonly lengthAt: number;
  readonly start: number;
  readonly end: number;
}

interface Deferred {
  readonly item: number;
  readonly redactions: Redaction[];
}

const KEY_TEXT_MAX = 256;
/** AnyValue levels; the receiver refuses 48, so that this bound is never met by what it lets through. */
const VALUE_DEPTH_MAX = 64;
const REDACTIONS_PER_RECORD_MAX = 256;
/** What links telemetry to incidents, sessions and services stays readable wherever it stands. */
const LINKING_KEY = /(?:^|[._])(?:id|name|version|type|kind|system|operation|url)$/;
/** Names as schemas give them: words and short numbers between dots, underscores, dashes, slashes, colons; no long mix of both. */
const PLAIN_KEY = /^(?!.*[a-zA-Z]\d+[a-zA-Z]+\d+[a-zA-Z]*\d)(?!.*[^._/:-]{33})[A-Za-z_$@][\w.$@/:-]{0,199}$/;
/** Work between two looks at the clock, in characters; each text counts for some more. */
const WORK_PER_LOOK = 65_536;
const WORK_PER_TEXT = 128;
/** Names of the events that carry one piece of a streamed answer. */
const DELTA_NAME = /(?:delta|chunk|stream|partial|token)/i;
/** Several answers may be streamed at once. */
const DELTA_CHOICE_KEYS = ['gen_ai.choice.index', 'choice.index', 'choice'];
const RESERVED_KEY = 'docket.redaction.';
const TRACE_ID_BYTES = 16;
const SPAN_ID_BYTES = 8;
const NO_REDACTIONS: readonly Redaction[] = [];

/** Redacts one export request: one walk that collects edits, receipts and facts. For one use. */
export class RequestRedaction {
  readonly #engine: Engine;
  readonly #bytes: Buffer;
  readonly #view: DataView;
  readonly #tenant: string;
  readonly #edits = new Edits();
  readonly #receipts = new Map<number, Redaction[]>();
  readonly #facts: ItemFacts[] = [];
  readonly #recordStarts: number[] = [];
  readonly #recordEnds: number[] = [];
  readonly #recordPlans: MessagePlan[] = [];
  readonly #reader: WireReader;
  #path: string[] = [];
  readonly #recordPath: string[] = [];

  #rules: PolicyRules;
  #memory: RulesMemory;
  #scope: { readonly start: number; readonly end: number; agent: boolean | undefined } | undefined;
  #resourceFirst = 0;
  #scopeFirst = 0;
  #metricFirst = 0;
  /** The record under way; -1 outside one. */
  #item = -1;
  #context: RecordContext | undefined;
  #eventName: string | undefined;
  #over = false;
  #work = 0;
  #requestDeadline: Deadline | undefined;
  #recordDeadline: Deadline | undefined;
  /** Class of an attribute whose place alone makes it content, for policies that withhold such. */
  #other = '';
  /** New texts of values that are pieces of one text, by where their bytes begin. */
  readonly #pieces = new Map<number, string>();
  #arguments: string[] = [];
  #results: string[] = [];

  constructor(engine: Engine, bytes: Buffer, tenant: string) {
    this.#engine = engine;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#tenant = tenant;
    this.#reader = new WireReader(bytes);
    this.#rules = rulesFor(engine.policy, tenant, '');
    this.#memory = engine.memoryOf(this.#rules);
  }

  /** Throws only when the bytes cannot be walked at all; the caller then withholds the request. */
  run(plan: MessagePlan): RequestOutcome {
    this.#walk(plan, 0, this.#bytes.length);
    const observed = this.#engine.policy.mode === 'observe';
    return {
      bytes: observed ? this.#bytes : this.#edits.apply(this.#bytes),
      receipts: this.#finishReceipts(),
      facts: this.#facts,
    };
  }

  // ---- messages

  /** Walks a message's content; returns by how many bytes it grows. */
  #walk(plan: MessagePlan, start: number, end: number): number {
    const bytes = this.#bytes;
    const reader = this.#reader;
    let delta = 0;
    let pos = start;
    let ordinals: number[] | undefined;
    while (pos < end) {
      const tagAt = pos;
      let tag = bytes[pos] ?? 0;
      pos += 1;
      if (tag > 0x7f || tag < 8) {
        reader.pos = tagAt;
        reader.end = end;
        tag = reader.tag();
        pos = reader.pos;
      }
      const field = plan.fields[tag >>> 3];
      if (field === undefined || ((field.wireTypes >>> (tag & 7)) & 1) === 0) {
        reader.pos = pos;
        reader.end = end;
        reader.skip(tag);
        const valueAt = pos;
        pos = reader.pos;
        delta += this.#opaque(tagAt, valueAt, pos);
        continue;
      }
      if ((tag & 7) !== 2) {
        reader.pos = pos;
        reader.end = end;
        reader.skip(tag);
        pos = reader.pos;
        continue;
      }
      const lengthAt = pos;
      let length = bytes[pos] ?? 0;
      pos += 1;
      if (length > 0x7f || pos + length > end) {
        reader.pos = lengthAt;
        reader.end = end;
        length = reader.lengthEnd() - reader.pos;
        pos = reader.pos;
      }
      const contentAt = pos;
      pos += length;
      switch (field.kind) {
        case NUMERIC:
          break;
        case ID: {
          const size = field.name === 'traceId' ? TRACE_ID_BYTES : SPAN_ID_BYTES;
          if (length !== 0 && length !== size) delta += this.#opaque(tagAt, contentAt, pos);
          break;
        }
        case TEXT:
          delta += this.#textField(plan, field, lengthAt, contentAt, pos);
          break;
        case KEY_VALUE:
          this.#other = this.#rules.withholdsOther ? otherClass(plan) : '';
          if (
            this.#pieces.size > 0 ||
            this.#other !== '' ||
            this.#memory.pairs.get(this.#view, contentAt, pos) === undefined
          ) {
            this.#path.push(field.name);
            delta += this.#attribute(tagAt, lengthAt, contentAt, pos, false);
            this.#path.pop();
          }
          this.#other = '';
          break;
        case ANY_VALUE:
          this.#path.push(field.name);
          delta += this.#body(lengthAt, contentAt, pos);
          this.#path.pop();
          break;
        case MESSAGE: {
          if (field.message === undefined) break;
          let ordinal = -1;
          if (field.numbered) {
            ordinals ??= [];
            ordinal = ordinals[field.number] ?? 0;
            ordinals[field.number] = ordinal + 1;
          }
          // At the first of several: deltas are joined before one of them is redacted.
          if (ordinal === 0 && field.message.name === 'SpanEvent' && bytes[pos] === bytes[tagAt]) {
            this.#joinDeltas(false, field.number, tagAt, end);
          }
          delta += this.#message(field, field.message, ordinal, lengthAt, contentAt, pos);
          break;
        }
      }
    }
    return delta;
  }

  #message(field: FieldPlan, plan: MessagePlan, ordinal: number, lengthAt: number, start: number, end: number): number {
    if (plan.isRecord) return this.#record(plan, lengthAt, start, end);
    let pathPart = '';
    let grown = 0;
    switch (plan.name) {
      case 'ResourceSpans':
      case 'ResourceLogs':
      case 'ResourceMetrics':
        this.#resourceFirst = this.#recordStarts.length;
        this.#scopeFirst = this.#resourceFirst;
        this.#chooseRules(start, end);
        break;
      case 'ScopeSpans':
      case 'ScopeLogs':
      case 'ScopeMetrics':
        this.#scopeFirst = this.#recordStarts.length;
        this.#scope = { start, end, agent: undefined };
        this.#pieces.clear();
        if (plan.name === 'ScopeLogs') this.#joinDeltas(true, 2, start, end);
        break;
      case 'Metric':
        this.#metricFirst = this.#recordStarts.length;
        pathPart = 'metric.';
        break;
      case 'Gauge':
      case 'Sum':
      case 'Histogram':
      case 'ExponentialHistogram':
      case 'Summary':
        break;
      default:
        pathPart = ordinal < 0 ? `${field.name}.` : `${field.name}[${ordinal}].`;
    }
    const isEvent = plan.name === 'SpanEvent';
    if (isEvent) this.#eventName = stringField(this.#bytes, start, end, 2);
    this.#path.push(pathPart);
    grown = this.#walk(plan, start, end);
    this.#path.pop();
    if (isEvent) this.#eventName = undefined;
    return grown === 0 ? 0 : this.#edits.resize(lengthAt, start, end, grown);
  }

  #record(plan: MessagePlan, lengthAt: number, start: number, end: number): number {
    const item = this.#recordStarts.length;
    this.#recordStarts.push(start);
    this.#recordEnds.push(end);
    this.#recordPlans.push(plan);
    this.#item = item;
    this.#context = undefined;
    this.#recordDeadline = undefined;
    if (this.#over) this.#over = this.#requestDeadline?.expired() === true;
    const mark = this.#edits.mark();
    const outerPath = this.#path;
    this.#path = this.#recordPath;
    this.#path.length = 0;
    const received = this.#receipts.get(item)?.length ?? 0;
    let grown: number;
    try {
      grown = this.#walk(plan, start, end);
      if (this.#context !== undefined) this.#recordFacts(item);
      if (grown !== 0) grown = this.#edits.resize(lengthAt, start, end, grown);
    } catch {
      this.#edits.rollback(mark);
      const kept = this.#receipts.get(item);
      if (kept !== undefined) kept.length = received;
      this.#engine.onFailure('engine_error');
      this.#path.length = 0;
      grown = this.#withholdRecord(plan, lengthAt, start, end);
    }
    this.#item = -1;
    this.#eventName = undefined;
    if (this.#arguments.length > 0) this.#arguments = [];
    if (this.#results.length > 0) this.#results = [];
    this.#path = outerPath;
    return grown;
  }

  /** Keeps ids, times and numbers of a record that could not be redacted, and nothing that can hold text. */
  #withholdRecord(plan: MessagePlan, lengthAt: number, start: number, end: number): number {
    const original = this.#bytes.subarray(start, end);
    const fingerprint = this.#engine.fingerprints.of(this.#tenant, original);
    this.#receive({
      path: '',
      class: 'content.unscanned',
      rule: 'engine_error',
      ruleVersion: 1,
      action: 'withhold',
      encodings: [],
      originalBytes: original.length,
      fingerprint,
    });
    const marker = this.#engine.markers.withheld('engine_error', original.length, fingerprint);
    return this.#edits.replaceContent(lengthAt, end, metadataOnly(plan, this.#bytes, start, end, marker));
  }

  // ---- texts

  #textField(plan: MessagePlan, field: FieldPlan, lengthAt: number, start: number, end: number): number {
    if (start === end) return 0;
    const contentClass = plan.name === 'Status' ? 'error.text' : field.name === 'traceState' ? 'other.trace_state' : '';
    if (contentClass !== '') {
      const treatment = treatmentOf(this.#rules, contentClass, '', '');
      if (!scrubsPlainly(this.#rules, contentClass, treatment, end - start)) {
        const text = this.#bytes.toString('utf8', start, end);
        const clean = this.#engine.text.treat(text, contentClass, treatment, this.#textContext('', field.name)) ?? '';
        return clean === text ? 0 : this.#edits.replaceContent(lengthAt, end, Buffer.from(clean));
      }
    }
    const { texts } = this.#memory;
    if (texts.get(this.#view, start, end) === true) return 0;
    const text = this.#bytes.toString('utf8', start, end);
    if (!this.#isOver(text.length) && this.#engine.text.isClean(text, '', this.#rules, this.#engine.policy.budgets)) {
      texts.set(this.#view, start, end, true);
      return 0;
    }
    const root = this.#path.length === 0 && this.#item < 0 ? this.#outerPath(plan) : '';
    const clean = this.#engine.text.scrub(text, this.#textContext('', root + field.name));
    if (clean === text) {
      texts.set(this.#view, start, end, true);
      return 0;
    }
    return this.#edits.replaceContent(lengthAt, end, Buffer.from(clean));
  }

  /** Schema URLs belong to a resource or a scope without being in their messages. */
  #outerPath(plan: MessagePlan): string {
    return plan.name.startsWith('Scope') ? 'scope.' : plan.name.startsWith('Resource') ? 'resource.' : '';
  }

  #textContext(key: string, leaf: string): TextContext {
    return {
      tenant: this.#tenant,
      rules: this.#rules,
      budgets: this.#engine.policy.budgets,
      key,
      path: this.#path.join('') + leaf,
      receive: (redaction) => this.#receive(redaction),
      expired: (text) => this.#isOver(text.length),
    };
  }

  /** Whether the record or the request is out of time. The clock is looked at once for some work, not for each value. */
  #isOver(length: number): boolean {
    if (this.#over) return true;
    this.#work += length + WORK_PER_TEXT;
    if (this.#work < WORK_PER_LOOK) return false;
    this.#work = 0;
    const { recordMs, requestMs } = this.#engine.policy.budgets;
    this.#requestDeadline ??= createDeadline(requestMs);
    this.#recordDeadline ??= createDeadline(recordMs);
    this.#over = this.#requestDeadline.expired() || this.#recordDeadline.expired();
    return this.#over;
  }

  /** A field the schema does not know. Its bytes are read as text; when a detector finds something the field goes. */
  #opaque(tagAt: number, valueAt: number, end: number): number {
    const drop = this.#rules.unknownFields === 'drop';
    if (!drop && end - valueAt < 4) return 0;
    const received: Redaction[] = [];
    if (!drop) {
      const text = this.#bytes.toString('utf8', valueAt, end);
      if (this.#engine.text.isClean(text, '', this.#rules, this.#engine.policy.budgets)) return 0;
      const context = { ...this.#textContext('', 'unknown'), receive: (each: Redaction) => void received.push(each) };
      if (this.#engine.text.scrub(text, context) === text) return 0;
    }
    const [first] = received;
    this.#receive({
      path: `${this.#path.join('')}unknown`,
      class: first?.class ?? 'content.unknown_field',
      rule: first?.rule ?? 'unknown_field',
      ruleVersion: first?.ruleVersion ?? 1,
      action: 'drop',
      encodings: first?.encodings ?? [],
      originalBytes: end - valueAt,
      fingerprint: this.#engine.fingerprints.of(this.#tenant, this.#bytes.subarray(valueAt, end)),
    });
    return this.#edits.remove(tagAt, end);
  }

  // ---- attributes and values

  #attribute(tagAt: number, lengthAt: number, start: number, end: number, nested: boolean): number {
    const memory = this.#memory;
    // What is clean by itself may be a piece of what is not.
    const memorable = this.#pieces.size === 0 && this.#other === '';
    if (memorable && this.#isPlainPair(start, end)) {
      memory.pairs.set(this.#view, start, end, true);
      return 0;
    }
    const mark = this.#edits.mark();
    const depth = this.#path.length;
    try {
      const keys: Range[] = [];
      const values: Range[] = [];
      let grown = this.#splitPair(start, end, keys, values);
      let ordinary = true;
      const infos = keys.map((key) => this.#keyInfo(key.start, key.end));
      const info =
        infos.find((each) => each.sensitive !== undefined && !each.ignored) ??
        infos.find((each) => each.content !== undefined && !each.ignored) ??
        infos.at(-1) ??
        this.#keyInfo(start, start);
      this.#path.push(nested ? `.${pathKey(info)}` : `[${pathKey(info)}]`);
      for (const [index, each] of infos.entries()) {
        ordinary &&= each.ordinary;
        const range = keys[index];
        if (each.cleanText === each.text || range === undefined) continue;
        grown += this.#edits.replaceContent(range.lengthAt, range.end, Buffer.from(this.#cleanKey(each.text)));
      }
      let dropped = false;
      for (const value of values) {
        const change = this.#attributeValue(info, value, nested);
        if (change === undefined) dropped = true;
        else grown += change;
      }
      this.#path.length = depth;
      if (dropped) {
        this.#edits.rollback(mark);
        return this.#edits.remove(tagAt, end);
      }
      if (this.#edits.mark() === mark) {
        if (ordinary && memorable) memory.pairs.set(this.#view, start, end, true);
        return 0;
      }
      return grown === 0 ? 0 : this.#edits.resize(lengthAt, start, end, grown);
    } catch {
      this.#path.length = depth;
      this.#edits.rollback(mark);
      return this.#withholdAttribute(tagAt, start, end);
    }
  }

  /** Finds a pair's keys and values; what else is in it is opaque. Returns by how much the opaque part grows. */
  #splitPair(start: number, end: number, keys: Range[], values: Range[]): number {
    const reader = new WireReader(this.#bytes, start, end);
    let grown = 0;
    for (let tagAt = start, tag = reader.tag(); tag !== 0; tagAt = reader.pos, tag = reader.tag()) {
      const at = reader.pos;
      if (tag !== 0x0a && tag !== 0x12) {
        reader.skip(tag);
        grown += this.#opaque(tagAt, at, reader.pos);
        continue;
      }
      const valueEnd = reader.lengthEnd();
      (tag === 0x0a ? keys : values).push({ lengthAt: at, start: reader.pos, end: valueEnd });
      reader.pos = valueEnd;
    }
    return grown;
  }

  #withholdAttribute(tagAt: number, start: number, end: number): number {
    this.#engine.onFailure('engine_error');
    this.#receive({
      path: `${this.#path.join('')}[…]`,
      class: 'content.unscanned',
      rule: 'engine_error',
      ruleVersion: 1,
      action: 'drop',
      encodings: [],
      originalBytes: end - start,
      fingerprint: this.#engine.fingerprints.of(this.#tenant, this.#bytes.subarray(start, end)),
    });
    return this.#edits.remove(tagAt, end);
  }

  /**
   * True for the usual attribute, one ordinary key and one value, when there is nothing to do in it. Any other pair, also
   * one that is written in an unusual way, is walked with care.
   */
  #isPlainPair(start: number, end: number): boolean {
    const bytes = this.#bytes;
    const keyAt = start + 2;
    const keyEnd = keyAt + (bytes[start + 1] as number);
    if (bytes[start] !== 0x0a || keyEnd - keyAt > 0x7f || keyEnd + 2 >= end || bytes[keyEnd] !== 0x12) return false;
    const valueAt = afterLength(bytes, keyEnd + 1, end);
    if (valueAt < 0) return false;
    const info = this.#keyInfo(keyAt, keyEnd);
    if (!info.ordinary) return false;
    switch (bytes[valueAt]) {
      case 0x0a: {
        const textAt = afterLength(bytes, valueAt + 1, end);
        if (textAt < 0) return false;
        if (this.#isOver(end - textAt)) return false;
        const { text, policy } = this.#engine;
        return text.isClean(bytes.toString('utf8', textAt, end), info.text, this.#rules, policy.budgets);
      }
      case 0x10:
        return end - valueAt === 2;
      case 0x18:
        // Up to five bytes: no number of a card, an account or a person.
        return end - valueAt <= 5 && (bytes[end - 1] as number) < 0x80;
      default:
        return false;
    }
  }

  #keyInfo(start: number, end: number): KeyInfo {
    const { keys } = this.#memory;
    const known = keys.get(this.#view, start, end);
    if (known !== undefined) return known;
    const info = this.#readKey(this.#bytes.toString('utf8', start, end));
    if (info.cleanText === info.text) keys.set(this.#view, start, end, info);
    return info;
  }

  #readKey(text: string): KeyInfo {
    const { scanner, markers } = this.#engine;
    const ignored = this.#rules.ignoreKeys.some((test) => test(text));
    const byPolicy = this.#rules.redactKeys.some((test) => test(text));
    const sensitive: KeyRule | undefined = byPolicy
      ? { rule: 'policy.key', ruleVersion: 1, class: 'secret.key' }
      : scanner.sensitiveKey(text);
    const content = contentKey(text);
    let cleanText = markers.escapeForged(text);
    if (text.startsWith(RESERVED_KEY)) cleanText = `sender.${cleanText}`;
    if (!this.#engine.text.isClean(cleanText, '', this.#rules, this.#engine.policy.budgets)) {
      const quiet = { ...this.#textContext('', ''), receive: () => undefined };
      cleanText = this.#engine.text.scrub(cleanText, quiet);
    }
    if (this.#rules.withholdsOther && !PLAIN_KEY.test(text)) cleanText = '';
    const ordinary =
      sensitive === undefined &&
      cleanText === text &&
      !isToolKey(text) &&
      !hasContentRules(this.#rules, text) &&
      (content === undefined || isPlainClass(this.#rules, content, text));
    return { text, cleanText, content, sensitive: ignored ? undefined : sensitive, ignored, ordinary };
  }

  /** The key as it leaves, with receipts for what was found in it. */
  #cleanKey(text: string): string {
    const escaped = this.#engine.markers.escapeForged(text);
    if (this.#rules.withholdsOther && !PLAIN_KEY.test(text)) {
      const treatment = treatmentOf(this.#rules, 'other.key', '', '');
      return this.#engine.text.treat(text, 'other.key', treatment, this.#textContext('', '{key}')) ?? '';
    }
    const reserved = text.startsWith(RESERVED_KEY) ? `sender.${escaped}` : escaped;
    return this.#engine.text.scrub(reserved, this.#textContext('', '{key}'));
  }

  /** Treats one value of an attribute; undefined when the attribute is to be dropped. */
  #attributeValue(info: KeyInfo, value: Range, nested: boolean): number | undefined {
    if (info.sensitive !== undefined) return this.#sensitiveValue(info.sensitive, value);
    const contentClass =
      this.#classOf(info, nested) || (this.#other !== '' && !LINKING_KEY.test(info.text) ? this.#other : '');
    if (isToolKey(info.text) && this.#item >= 0) this.#recordContext();
    if (contentClass === '') return info.ignored ? 0 : this.#plainValue(info.text, value);
    const context = contentClass.startsWith('tool.') ? this.#recordContext() : undefined;
    if (contentClass === 'tool.arguments') this.#arguments.push(this.#valueText(value));
    if (contentClass === 'tool.result') this.#results.push(this.#valueText(value));
    if (info.ignored) return 0;
    const treatment = treatmentOf(this.#rules, contentClass, info.text, context?.toolName ?? this.#toolName());
    if (treatment.action === 'keep') return 0;
    if (scrubsPlainly(this.#rules, contentClass, treatment, value.end - value.start)) {
      return this.#plainValue(info.text, value);
    }
    return this.#treatValue(info.text, contentClass, treatment, value);
  }

  #toolName(): string {
    return this.#rules.content.some((each) => each.tools !== undefined) ? this.#recordContext().toolName : '';
  }

  #treatValue(
    key: string,
    contentClass: string,
    treatment: ReturnType<typeof treatmentOf>,
    value: Range,
  ): number | undefined {
    const text = this.#valueText(value);
    if (text === '') return 0;
    const context = this.#textContext(key, '');
    const role = treatment.roles === undefined ? undefined : this.#roleBeside(key);
    const clean = this.#engine.text.treat(
      text,
      contentClass,
      treatment,
      role === undefined ? context : { ...context, role },
    );
    if (clean === undefined) return undefined;
    if (clean === text) return 0;
    return this.#edits.replaceContent(value.lengthAt, value.end, bytesField(1, Buffer.from(clean)));
  }

  /** The role of a message that an event's name or the attribute `….role` beside the content's tells. */
  #roleBeside(key: string): MessageRole | undefined {
    const event = this.#eventName ?? (this.#item >= 0 ? this.#recordContext().eventName : '');
    const named = /^gen_ai\.(system|user|assistant|tool)\.message$/.exec(event)?.[1];
    if (named !== undefined) return messageRole(named);
    if (event === 'gen_ai.choice') return 'assistant';
    const message = /^.{1,200}?\.\d{1,6}\.(?:message\.)?/.exec(key)?.[0];
    if (message === undefined || this.#item < 0) return undefined;
    const start = this.#recordStarts[this.#item] ?? 0;
    const end = this.#recordEnds[this.#item] ?? 0;
    const field = this.#recordPlans[this.#item]?.name === 'LogRecord' ? 6 : 9;
    return messageRole(attributeString(this.#bytes, start, end, field, `${message}role`));
  }

  #sensitiveValue(rule: KeyRule, value: Range): number {
    const first = this.#bytes[value.start];
    // An empty value, or a boolean: says whether something is set, not what it is.
    if (first === undefined || value.end === value.start) return 0;
    if (first === 0x10 && value.end - value.start === 2) return 0;
    const text = this.#valueText(value);
    const clean = this.#engine.text.replaceWhole(text, rule, this.#textContext('', ''));
    if (clean === text) return 0;
    return this.#edits.replaceContent(value.lengthAt, value.end, bytesField(1, Buffer.from(clean)));
  }

  #plainValue(key: string, value: Range): number {
    const grown = this.#anyValue(key, value.start, value.end, 0);
    return grown === 0 ? 0 : this.#edits.resize(value.lengthAt, value.start, value.end, grown);
  }

  #valueText(value: Range): string {
    return anyValueText(this.#bytes, value.start, value.end);
  }

  /** Walks an AnyValue's content; returns by how much it grows. */
  #anyValue(key: string, start: number, end: number, depth: number): number {
    if (depth > VALUE_DEPTH_MAX) throw new RangeError('value nested too deep');
    const reader = new WireReader(this.#bytes, start, end);
    let grown = 0;
    for (let tagAt = start, tag = reader.tag(); tag !== 0; tagAt = reader.pos, tag = reader.tag()) {
      const at = reader.pos;
      if (tag === 0x0a || tag === 0x3a) {
        const valueEnd = reader.lengthEnd();
        const valueAt = reader.pos;
        reader.pos = valueEnd;
        grown +=
          tag === 0x0a ? this.#stringValue(key, at, valueAt, valueEnd) : this.#bytesValue(key, at, valueAt, valueEnd);
      } else if (tag === 0x2a || tag === 0x32) {
        const valueEnd = reader.lengthEnd();
        const valueAt = reader.pos;
        reader.pos = valueEnd;
        const change = tag === 0x2a ? this.#list(key, valueAt, valueEnd, depth) : this.#members(valueAt, valueEnd);
        if (change !== 0) grown += this.#edits.resize(at, valueAt, valueEnd, change);
      } else {
        reader.skip(tag);
        if (tag !== 0x10 && tag !== 0x18 && tag !== 0x21) grown += this.#opaque(tagAt, at, reader.pos);
      }
    }
    return grown;
  }

  #stringValue(key: string, lengthAt: number, start: number, end: number): number {
    if (start === end) return 0;
    const piece = this.#pieces.size === 0 ? undefined : this.#pieces.get(start);
    const text = this.#bytes.toString('utf8', start, end);
    const clean = this.#engine.text.scrub(piece ?? text, this.#textContext(key, ''));
    return clean === text ? 0 : this.#edits.replaceContent(lengthAt, end, Buffer.from(clean));
  }

  #bytesValue(key: string, lengthAt: number, start: number, end: number): number {
    if (start === end) return 0;
    const raw = this.#bytes.subarray(start, end);
    const text = raw.toString('utf8');
    const clean = this.#engine.text.scrub(text, this.#textContext(key, ''));
    if (clean === text) return 0;
    // Bytes that are no text cannot be edited inside.
    const isText = Buffer.from(text).equals(raw);
    const kept = isText ? clean : this.#engine.markers.redacted('binary');
    return this.#edits.replaceContent(lengthAt, end, Buffer.from(kept));
  }

  #list(key: string, start: number, end: number, depth: number): number {
    this.#joinItems(key, start, end);
    const reader = new WireReader(this.#bytes, start, end);
    let grown = 0;
    let index = 0;
    let previous = '';
    for (let tagAt = start, tag = reader.tag(); tag !== 0; tagAt = reader.pos, tag = reader.tag()) {
      const at = reader.pos;
      if (tag !== 0x0a) {
        reader.skip(tag);
        grown += this.#opaque(tagAt, at, reader.pos);
        continue;
      }
      const valueEnd = reader.lengthEnd();
      const value = { lengthAt: at, start: reader.pos, end: valueEnd };
      reader.pos = valueEnd;
      this.#path.push(`[${index}]`);
      const flag = /^--?([A-Za-z][\w.-]{1,63})$/.exec(previous)?.[1];
      const rule = flag === undefined ? undefined : this.#engine.scanner.sensitiveKey(flag);
      if (rule === undefined) {
        const change = this.#anyValue(flag ?? key, value.start, value.end, depth + 1);
        if (change !== 0) grown += this.#edits.resize(value.lengthAt, value.start, value.end, change);
      } else {
        grown += this.#sensitiveValue(rule, value);
      }
      this.#path.pop();
      previous = stringField(this.#bytes, value.start, value.end, 1, 128);
      index += 1;
    }
    return grown;
  }

  /** A command's words and the parts of one value may be the items of a list. */
  #joinItems(key: string, start: number, end: number): void {
    const reader = new WireReader(this.#bytes, start, end);
    const chunks: Chunk[] = [];
    for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
      if (tag !== 0x0a) {
        reader.skip(tag);
        continue;
      }
      const itemEnd = reader.lengthEnd();
      const item = wholeString(this.#bytes, reader.pos, itemEnd);
      if (item >= 0) chunks.push({ at: item, text: this.#bytes.toString('utf8', item, itemEnd) });
      reader.pos = itemEnd;
    }
    if (chunks.length > 1) this.#redactJoined(chunks, key, [' ', '']);
  }

  #redactJoined(chunks: readonly Chunk[], key: string, separators: readonly string[]): void {
    const context = this.#textContext(key, '');
    for (const separator of separators) {
      redactChunks(chunks, separator, (joined) => this.#engine.text.joinedEdits(joined, context), this.#pieces);
    }
  }

  /**
   * Streamed answers come as one event or log record a delta: those of one name are joined by key before any of them is
   * looked at. `start` to `end` is the message that holds them, `field` their number in it.
   */
  #joinDeltas(isLog: boolean, field: number, start: number, end: number): void {
    const groups = new Map<string, Chunk[]>();
    const reader = new WireReader(this.#bytes, start, end);
    for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
      if (tag !== ((field << 3) | 2)) {
        reader.skip(tag);
        continue;
      }
      const itemEnd = reader.lengthEnd();
      this.#collectDelta(isLog, reader.pos, itemEnd, groups);
      reader.pos = itemEnd;
    }
    for (const [group, chunks] of groups) {
      if (chunks.length > 1) this.#redactJoined(chunks, group.slice(group.lastIndexOf('\0') + 1), ['']);
    }
  }

  #collectDelta(isLog: boolean, start: number, end: number, groups: Map<string, Chunk[]>): void {
    const bytes = this.#bytes;
    const name =
      stringField(bytes, start, end, isLog ? 12 : 2) ||
      (isLog ? attributeString(bytes, start, end, 6, 'event.name') : '');
    if (!DELTA_NAME.test(name)) return;
    const choice = DELTA_CHOICE_KEYS.map((key) => attributeNumber(bytes, start, end, isLog ? 6 : 3, key)).join();
    const add = (key: string, at: number, valueEnd: number): void => {
      const group = `${name}\0${choice}\0${key}`;
      const chunks = groups.get(group) ?? [];
      groups.set(group, chunks);
      chunks.push({ at, text: bytes.toString('utf8', at, valueEnd) });
    };
    const reader = new WireReader(bytes, start, end);
    for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
      const isBody = isLog && tag === 0x2a;
      if (!isBody && tag !== (isLog ? 0x32 : 0x1a)) {
        reader.skip(tag);
        continue;
      }
      const valueEnd = reader.lengthEnd();
      if (isBody) {
        const at = wholeString(bytes, reader.pos, valueEnd);
        if (at >= 0) add('', at, valueEnd);
      } else {
        const pair = new WireReader(bytes, reader.pos, valueEnd);
        const key = stringField(bytes, reader.pos, valueEnd, 1);
        for (let inner = pair.tag(); inner !== 0; inner = pair.tag()) {
          if (inner !== 0x12) {
            pair.skip(inner);
            continue;
          }
          const innerEnd = pair.lengthEnd();
          const at = wholeString(bytes, pair.pos, innerEnd);
          if (at >= 0) add(key, at, innerEnd);
          pair.pos = innerEnd;
        }
      }
      reader.pos = valueEnd;
    }
  }

  #members(start: number, end: number): number {
    const reader = new WireReader(this.#bytes, start, end);
    let grown = 0;
    for (let tagAt = start, tag = reader.tag(); tag !== 0; tagAt = reader.pos, tag = reader.tag()) {
      const at = reader.pos;
      if (tag !== 0x0a) {
        reader.skip(tag);
        grown += this.#opaque(tagAt, at, reader.pos);
        continue;
      }
      const valueEnd = reader.lengthEnd();
      const valueAt = reader.pos;
      reader.pos = valueEnd;
      grown += this.#attribute(tagAt, at, valueAt, valueEnd, true);
    }
    return grown;
  }

  #body(lengthAt: number, start: number, end: number): number {
    const { eventName } = this.#recordContext();
    const contentClass = bodyClass(eventName);
    const treatment = treatmentOf(this.#rules, contentClass, 'body', this.#toolName());
    const value = { lengthAt, start, end };
    if (treatment.action === 'keep') return 0;
    if (scrubsPlainly(this.#rules, contentClass, treatment, end - start)) return this.#plainValue('', value);
    const change = this.#treatValue('', contentClass, treatment, value);
    // A body cannot be left out the way an attribute can: an empty value stands for it.
    return change ?? this.#edits.replaceContent(lengthAt, end, Buffer.alloc(0));
  }

  // ---- context

  #classOf(info: KeyInfo, nested: boolean): string {
    const { content } = info;
    if (content === undefined) return '';
    if (content.agentOnly) {
      if (nested) return '';
      if (!this.#isAgent()) return '';
    }
    if (content.class === 'entity.io' && this.#item >= 0 && this.#recordContext().tool) {
      return /(?:output|Output|result|response)/.test(info.text) ? 'tool.result' : 'tool.arguments';
    }
    if (content.class === 'messages.event' && this.#eventName === 'gen_ai.tool.message') return 'tool.result';
    return content.class;
  }

  #isAgent(): boolean {
    if (this.#eventName !== undefined && isAgentName(this.#eventName)) return true;
    return this.#item >= 0 ? this.#recordContext().agent : this.#agentScope();
  }

  #agentScope(): boolean {
    const scope = this.#scope;
    if (scope === undefined) return false;
    if (scope.agent === undefined) {
      const reader = new WireReader(this.#bytes, scope.start, scope.end);
      scope.agent = false;
      for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
        if (tag !== 0x0a) {
          reader.skip(tag);
          continue;
        }
        const end = reader.lengthEnd();
        if (isAgentScope(stringField(this.#bytes, reader.pos, end, 1))) scope.agent = true;
        reader.pos = end;
      }
    }
    return scope.agent;
  }

  #recordContext(): RecordContext {
    if (this.#item < 0) return NO_CONTEXT;
    const item = this.#item;
    this.#context ??= readRecordContext(
      this.#recordPlans[item]?.name ?? 'Span',
      this.#bytes,
      this.#recordStarts[item] ?? 0,
      this.#recordEnds[item] ?? 0,
      this.#agentScope(),
    );
    return this.#context;
  }

  #chooseRules(start: number, end: number): void {
    const { policy } = this.#engine;
    if (policy.overrides.length === 0) return;
    let service = '';
    const reader = new WireReader(this.#bytes, start, end);
    for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
      if (tag !== 0x0a) {
        reader.skip(tag);
        continue;
      }
      const resourceEnd = reader.lengthEnd();
      service = attributeString(this.#bytes, reader.pos, resourceEnd, 1, 'service.name') || service;
      reader.pos = resourceEnd;
    }
    this.#rules = rulesFor(policy, this.#tenant, service);
    this.#memory = this.#engine.memoryOf(this.#rules);
  }

  // ---- receipts and facts

  #recordFacts(item: number): void {
    const context = this.#context;
    if (context === undefined) return;
    const facts = toolFacts({
      item,
      context,
      arguments: this.#arguments,
      results: this.#results,
      digest: (canonical) => this.#engine.fingerprints.of(this.#tenant, canonical),
    });
    if (facts !== undefined) this.#facts.push(facts);
  }

  #receive(redaction: Redaction): void {
    let item = this.#item;
    if (item < 0) {
      const { path } = redaction;
      item = path.startsWith('resource.')
        ? this.#resourceFirst
        : path.startsWith('metric.')
          ? this.#metricFirst
          : this.#scopeFirst;
    }
    const list = this.#receipts.get(item);
    if (list === undefined) {
      this.#receipts.set(item, [redaction]);
    } else if (list.length < REDACTIONS_PER_RECORD_MAX - 1) {
      list.push(redaction);
    } else if (list.length === REDACTIONS_PER_RECORD_MAX - 1) {
      // The last one says that there are more than are listed.
      list.push({ ...redaction, path: '…', rule: 'more', class: 'content.more', fingerprint: '', encodings: [] });
    }
  }

  #finishReceipts(): RecordReceipt[] {
    const last = Math.max(0, this.#recordStarts.length - 1);
    const merged = new Map<number, Deferred>();
    for (const [item, redactions] of this.#receipts) {
      const at = Math.min(item, last);
      const present = merged.get(at);
      if (present === undefined) merged.set(at, { item: at, redactions: [...redactions] });
      else present.redactions.push(...redactions);
    }
    return [...merged.values()]
      .sort((a, b) => a.item - b.item)
      .map(({ item, redactions }) => ({ item, ...this.#idsOf(item), redactions: redactions ?? NO_REDACTIONS }));
  }

  #idsOf(item: number): { traceId: string; spanId: string } {
    const plan = this.#recordPlans[item];
    const ids = { traceId: '', spanId: '' };
    if (plan === undefined) return ids;
    try {
      const reader = new WireReader(this.#bytes, this.#recordStarts[item], this.#recordEnds[item]);
      for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
        const field = plan.fields[tag >>> 3];
        if (field?.kind !== ID || (tag & 7) !== 2 || (field.name !== 'traceId' && field.name !== 'spanId')) {
          reader.skip(tag);
          continue;
        }
        const value = reader.view();
        if (value.length <= TRACE_ID_BYTES) ids[field.name] = value.toString('hex');
      }
    } catch {
      return { traceId: '', spanId: '' };
    }
    return ids;
  }
}

/** Where the content of a field begins whose length is at `at` and that must reach to `end`; -1 when it does not. */
function afterLength(bytes: Buffer, at: number, end: number): number {
  const first = bytes[at] as number;
  if (first < 0x80) return at + 1 + first === end ? at + 1 : -1;
  const second = bytes[at + 1] as number;
  if (second < 0x80) return at + 2 + ((first & 0x7f) | (second << 7)) === end ? at + 2 : -1;
  const third = bytes[at + 2] as number;
  return third < 0x80 && at + 3 + ((first & 0x7f) | ((second & 0x7f) << 7) | (third << 14)) === end ? at + 3 : -1;
}

/** What attributes are by their place, where nothing else says it. */
function otherClass(plan: MessagePlan): string {
  return plan.name === 'SpanLink' ? 'other.link' : plan.name === 'InstrumentationScope' ? 'other.scope' : '';
}

/** Where the text of an AnyValue that is one string begins, when nothing follows it; -1 for any other value. */
function wholeString(bytes: Buffer, start: number, end: number): number {
  return bytes[start] === 0x0a ? afterLength(bytes, start + 1, end) : -1;
}

/** The integer value of one attribute of a message as text, '' when there is none. */
function attributeNumber(bytes: Buffer, start: number, end: number, field: number, key: string): string {
  const reader = new WireReader(bytes, start, end);
  let text = '';
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag !== ((field << 3) | 2)) {
      reader.skip(tag);
      continue;
    }
    const pairEnd = reader.lengthEnd();
    if (stringField(bytes, reader.pos, pairEnd, 1) === key) {
      const pair = new WireReader(bytes, reader.pos, pairEnd);
      for (let inner = pair.tag(); inner !== 0; inner = pair.tag()) {
        if (inner === 0x12) text = anyValueText(bytes, pair.pos + 1, pairEnd);
        pair.skip(inner);
      }
    }
    reader.pos = pairEnd;
  }
  return text;
}

/** What the body of a log record is, by its event's name. */
function bodyClass(eventName: string): string {
  if (eventName === 'gen_ai.tool.message') return 'tool.result';
  const known = contentKey(eventName);
  if (known !== undefined && known.class.startsWith('messages.')) return known.class;
  if (eventName.startsWith('gen_ai.')) {
    return eventName.startsWith('gen_ai.evaluation') ? 'evaluation.text' : 'messages.event';
  }
  return 'log.body';
}

/** True when a rule of the policy names this key, whatever its class. */
function hasContentRules(rules: PolicyRules, key: string): boolean {
  return rules.content.some(
    (rule) => rule.classes === undefined && (rule.attributes?.some((test) => test(key)) ?? true),
  );
}

/** True when content of the class is only looked through, as any other text is. */
function isPlainClass(rules: PolicyRules, content: ContentKey, key: string): boolean {
  if (content.agentOnly || content.class === 'entity.io' || content.class.startsWith('tool.')) return false;
  if (rules.content.some((rule) => rule.tools !== undefined)) return false;
  const treatment = treatmentOf(rules, content.class, key, '');
  return scrubsPlainly(rules, content.class, treatment, Number.POSITIVE_INFINITY);
}

/** A key as it may stand in a path: never one whose name was itself redacted. */
function pathKey(info: KeyInfo): string {
  return info.cleanText.length <= KEY_TEXT_MAX ? info.cleanText : `${info.cleanText.slice(0, KEY_TEXT_MAX)}…`;
}

/** The last string in a field of a message, '' when there is none or it is longer than `max` bytes. */
function stringField(bytes: Buffer, start: number, end: number, field: number, max = 512): string {
  const reader = new WireReader(bytes, start, end);
  const wanted = (field << 3) | 2;
  let text = '';
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag !== wanted) {
      reader.skip(tag);
      continue;
    }
    const valueEnd = reader.lengthEnd();
    text = valueEnd - reader.pos > max ? '' : bytes.toString('utf8', reader.pos, valueEnd);
    reader.pos = valueEnd;
  }
  return text;
}

/** The string value of one attribute of a message. */
function attributeString(bytes: Buffer, start: number, end: number, field: number, key: string): string {
  const reader = new WireReader(bytes, start, end);
  let text = '';
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag !== ((field << 3) | 2)) {
      reader.skip(tag);
      continue;
    }
    const pairEnd = reader.lengthEnd();
    if (stringField(bytes, reader.pos, pairEnd, 1) === key) {
      const pair = new WireReader(bytes, reader.pos, pairEnd);
      for (let inner = pair.tag(); inner !== 0; inner = pair.tag()) {
        if (inner !== 0x12) {
          pair.skip(inner);
          continue;
        }
        const valueEnd = pair.lengthEnd();
        text = stringField(bytes, pair.pos, valueEnd, 1);
        pair.pos = valueEnd;
      }
    }
    reader.pos = pairEnd;
  }
  return text;
}
