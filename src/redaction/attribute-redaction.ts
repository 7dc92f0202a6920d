import { WireReader } from '../otlp/protobuf/reader.ts';
import { splitToolContent } from '../otlp/semconv/tool-parts.ts';
import { anyValueText } from './any-value.ts';
import { cleanKey, pathKey, readKey, type KeyInfo } from './attribute-key.ts';
import type { Chunk } from './chunked-text.ts';
import { bodyClass, NAMED_CLASS } from './content-class.ts';
import { bytesField, type Edits } from './edits.ts';
import type { Engine } from './engine.ts';
import { messageRole } from './message-content.ts';
import { afterLength, attributeString, stringField, wholeString } from './message-field.ts';
import type { OpaqueFields } from './opaque-field.ts';
import { scrubsPlainly, treatmentOf, type MessageRole, type Treatment } from './policy.ts';
import { isToolKey } from './record-context.ts';
import { RequestedCalls } from './requested-call.ts';
import { contextWith } from './text-context.ts';
import type { KeyRule } from './key-rule.ts';
import type { WalkState } from './walk-state.ts';

interface Range {
  readonly lengthAt: number;
  readonly start: number;
  readonly end: number;
}

/** AnyValue levels; the receiver refuses 48, so that this bound is never met by what it lets through. */
const VALUE_DEPTH_MAX = 64;
/** Shorter integers are nobody's number. */
const NUMBER_DIGITS_MIN = 9;
/** What links telemetry to incidents, sessions and services stays readable wherever it stands. */
const LINKING_KEY = /(?:^|[._])(?:id|name|version|type|kind|system|operation|url)$/;

/** Events that carry a tool's arguments and result in records of tools, and messages of models elsewhere. */
const TOOL_EVENTS: ReadonlySet<string> = new Set([
  'gen_ai.tool.message',
  'gen_ai.choice',
  'gen_ai.client.inference.operation.details',
]);

/** Where the answer to an MCP `tools/list` is kept. */
const LISTS_TOOLS: ReadonlySet<string> = new Set(['mcp.response.value', 'traceloop.entity.output', 'response']);

/** Redacts attributes and the values in them, where the walk over a request is. */
export class AttributeRedaction {
  readonly #walk: WalkState;
  readonly #opaque: OpaqueFields;
  readonly #engine: Engine;
  readonly #bytes: Buffer;
  readonly #edits: Edits;
  /** Class of attributes whose place alone makes them content, for policies that withhold such. */
  #other = '';
  #arguments: string[] = [];
  #results: string[] = [];
  /** Tool calls that the record under way asks for. */
  readonly requested: RequestedCalls;

  constructor(walk: WalkState, opaque: OpaqueFields) {
    this.#walk = walk;
    this.requested = new RequestedCalls(walk);
    this.#opaque = opaque;
    this.#engine = walk.engine;
    this.#bytes = walk.bytes;
    this.#edits = walk.edits;
  }

  /** Texts of the tool arguments and results of the record under way, as they were sent. */
  get toolTexts(): { readonly arguments: readonly string[]; readonly results: readonly string[] } {
    return { arguments: this.#arguments, results: this.#results };
  }

  leaveRecord(): void {
    if (this.#arguments.length > 0) this.#arguments = [];
    if (this.#results.length > 0) this.#results = [];
    this.requested.clear();
  }

  /**
   * Redacts one attribute of a message; returns by how many bytes the message grows.
   * @param other class of the attribute by its place, '' for none
   */
  field(name: string, other: string, tagAt: number, lengthAt: number, start: number, end: number): number {
    const walk = this.#walk;
    if (walk.pieces.size === 0 && other === '' && walk.memory.pairs.get(walk.view, start, end) !== undefined) return 0;
    this.#other = other;
    walk.path.push(name);
    const grown = this.#attribute(tagAt, lengthAt, start, end, false);
    walk.path.pop();
    this.#other = '';
    return grown;
  }

  /** Redacts the body of a log record; returns by how many bytes the record grows. */
  body(lengthAt: number, start: number, end: number): number {
    const { agent, eventName } = this.#walk.recordContext();
    const contentClass = bodyClass(eventName);
    const treatment = treatmentOf(this.#walk.rules, contentClass, 'body', this.#toolName());
    const value = { lengthAt, start, end };
    if (agent) {
      // A list of members: what was split from a span, perhaps from a tool's.
      if (this.#bytes[start] === 0x32) this.#noteSplitContent(value);
      this.requested.noteBody(start, end);
    }
    if (treatment.action === 'keep') return 0;
    if (scrubsPlainly(this.#walk.rules, contentClass, treatment, end - start)) return this.#plainValue('', value);
    const change = this.#treatValue('', contentClass, treatment, value);
    // A body cannot be left out the way an attribute can: an empty value stands for it.
    return change ?? this.#edits.replaceContent(lengthAt, end, Buffer.alloc(0));
  }

  #noteSplitContent(value: Range): void {
    const split = splitToolContent(this.#valueText(value));
    if (split?.arguments !== undefined) this.#arguments.push(split.arguments);
    if (split?.result !== undefined) this.#results.push(split.result);
  }

  #attribute(tagAt: number, lengthAt: number, start: number, end: number, nested: boolean): number {
    const memory = this.#walk.memory;
    // What is clean by itself may be a piece of what is not.
    const memorable = this.#walk.pieces.size === 0 && this.#other === '';
    if (memorable && this.#isPlainPair(start, end)) {
      memory.pairs.set(this.#walk.view, start, end, true);
      return 0;
    }
    const mark = this.#edits.mark();
    const depth = this.#walk.path.length;
    try {
      const keys: Range[] = [];
      const values: Range[] = [];
      let grown = this.#splitPair(start, end, keys, values);
      let ordinary = true;
      const infos = keys.map((key) => this.#keyInfo(key.start, key.end));
      const info =
        infos.find((each) => each.sensitive !== undefined && !each.ignored) ??
        infos.find((each) => each.content !== undefined && !each.ignored) ??
        infos.find((each) => each.named && !each.ignored) ??
        infos.at(-1) ??
        this.#keyInfo(start, start);
      this.#walk.path.push(nested ? `.${pathKey(info)}` : `[${pathKey(info)}]`);
      for (const [index, each] of infos.entries()) {
        ordinary &&= each.ordinary;
        const range = keys[index];
        if (each.cleanText === each.text || range === undefined) continue;
        grown += this.#edits.replaceContent(
          range.lengthAt,
          range.end,
          Buffer.from(cleanKey(this.#engine, this.#walk.rules, each.text, this.#walk.textContext('', '{key}'))),
        );
      }
      let dropped = false;
      for (const value of values) {
        const change = this.#attributeValue(info, value, nested);
        if (change === undefined) dropped = true;
        else grown += change;
      }
      this.#walk.path.length = depth;
      if (dropped) {
        this.#edits.rollback(mark);
        return this.#edits.remove(tagAt, end);
      }
      if (this.#edits.mark() === mark) {
        if (ordinary && memorable) memory.pairs.set(this.#walk.view, start, end, true);
        return 0;
      }
      return grown === 0 ? 0 : this.#edits.resize(lengthAt, start, end, grown);
    } catch {
      this.#walk.path.length = depth;
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
        grown += this.#opaque.field(tagAt, at, reader.pos);
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
    this.#walk.receive({
      path: `${this.#walk.path.join('')}[…]`,
      class: 'content.unscanned',
      rule: 'engine_error',
      ruleVersion: 1,
      action: 'drop',
      encodings: [],
      originalBytes: end - start,
      fingerprint: this.#engine.fingerprints.of(this.#walk.tenant, this.#bytes.subarray(start, end)),
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
        if (this.#walk.budget.isOver(end - textAt)) return false;
        const { text, policy } = this.#engine;
        return text.isClean(bytes.toString('utf8', textAt, end), info.text, this.#walk.rules, policy.budgets);
      }
      case 0x10:
        return end - valueAt === 2;
      case 0x18:
        // The last byte of four carries the bits from 2^21 on: below 47 * 2^21 a number has eight digits at most.
        return end - valueAt <= 5 && (bytes[end - 1] as number) < (end - valueAt === 5 ? 47 : 0x80);
      default:
        return false;
    }
  }

  #keyInfo(start: number, end: number): KeyInfo {
    const { keys } = this.#walk.memory;
    const known = keys.get(this.#walk.view, start, end);
    if (known !== undefined) return known;
    const info = readKey(
      this.#engine,
      this.#walk.rules,
      this.#bytes.toString('utf8', start, end),
      this.#walk.textContext('', ''),
    );
    if (info.cleanText === info.text) keys.set(this.#walk.view, start, end, info);
    return info;
  }

  /** Treats one value of an attribute; undefined when the attribute is to be dropped. */
  #attributeValue(info: KeyInfo, value: Range, nested: boolean): number | undefined {
    if (isToolKey(info.text) && this.#walk.item >= 0) this.#walk.recordContext();
    if (info.sensitive !== undefined) return this.#sensitiveValue(info.sensitive, value);
    const contentClass =
      this.#classOf(info, nested) ||
      (this.#other !== '' && !LINKING_KEY.test(info.text) ? this.#other : '') ||
      (info.named && !nested ? NAMED_CLASS : '');
    if (contentClass === '') return info.ignored ? 0 : this.#plainValue(info.text, value);
    const context = contentClass.startsWith('tool.') ? this.#walk.recordContext() : undefined;
    if (context !== undefined) this.#walk.scrubbed ??= [];
    if (contentClass === 'tool.arguments') this.#arguments.push(this.#valueText(value));
    if (contentClass === 'tool.result') this.#results.push(this.#valueText(value));
    this.requested.noteAttribute(contentClass, info.text, value.start, value.end);
    const listed = LISTS_TOOLS.has(info.text) || contentClass === 'tool.definitions';
    if (listed && this.#bytes.subarray(value.start, value.end).includes('Hint')) {
      this.#engine.annotations.learn(this.#walk.tenant, this.#valueText(value));
    }
    if (info.ignored) return 0;
    const treatment = treatmentOf(this.#walk.rules, contentClass, info.text, context?.toolName ?? this.#toolName());
    if (treatment.action === 'keep') return 0;
    if (scrubsPlainly(this.#walk.rules, contentClass, treatment, value.end - value.start)) {
      return this.#plainValue(info.text, value);
    }
    return this.#treatValue(info.text, contentClass, treatment, value);
  }

  #toolName(): string {
    return this.#walk.rules.content.some((each) => each.tools !== undefined) ? this.#walk.recordContext().toolName : '';
  }

  #treatValue(key: string, contentClass: string, treatment: Treatment, value: Range): number | undefined {
    const text = this.#valueText(value);
    if (text === '') return 0;
    const context = this.#walk.textContext(key, '');
    const role = treatment.roles === undefined ? undefined : this.#roleBeside(key);
    const clean = this.#engine.text.treat(
      text,
      contentClass,
      treatment,
      role === undefined ? context : contextWith(context, { role }),
    );
    if (clean === undefined) return undefined;
    if (clean === text) return 0;
    return this.#edits.replaceValue(value.lengthAt, value.end, clean);
  }

  /** The role of a message that an event's name or the attribute `….role` beside the content's tells. */
  #roleBeside(key: string): MessageRole | undefined {
    const event = this.#walk.eventName ?? (this.#walk.item >= 0 ? this.#walk.recordContext().eventName : '');
    const named = /^gen_ai\.(system|user|assistant|tool)\.message$/.exec(event)?.[1];
    if (named !== undefined) return messageRole(named);
    if (event === 'gen_ai.choice') return 'assistant';
    const message = /^.{1,200}?\.\d{1,6}\.(?:message\.)?/.exec(key)?.[0];
    const { record } = this.#walk;
    if (message === undefined || record === undefined) return undefined;
    const field = record.plan.name === 'LogRecord' ? 6 : 9;
    return messageRole(attributeString(this.#bytes, record.start, record.end, field, `${message}role`));
  }

  #sensitiveValue(rule: KeyRule, value: Range): number {
    const first = this.#bytes[value.start];
    // An empty value, or a boolean: says whether something is set, not what it is.
    if (first === undefined || value.end === value.start) return 0;
    if (first === 0x10 && value.end - value.start === 2) return 0;
    const text = this.#valueText(value);
    const clean = this.#engine.text.replaceWhole(text, rule, this.#walk.textContext('', ''));
    if (clean === text) return 0;
    return this.#edits.replaceValue(value.lengthAt, value.end, clean);
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
      } else if (tag === 0x18) {
        const integer = BigInt.asIntN(64, reader.varint64());
        grown += this.#integerValue(key, tagAt, reader.pos, integer);
      } else {
        reader.skip(tag);
        if (tag !== 0x10 && tag !== 0x21) grown += this.#opaque.field(tagAt, at, reader.pos);
      }
    }
    return grown;
  }

  #stringValue(key: string, lengthAt: number, start: number, end: number): number {
    if (start === end) return 0;
    const piece = this.#walk.pieces.size === 0 ? undefined : this.#walk.pieces.get(start);
    const text = this.#bytes.toString('utf8', start, end);
    const clean = this.#engine.text.scrub(piece ?? text, this.#walk.textContext(key, ''));
    return clean === text ? 0 : this.#edits.replaceContent(lengthAt, end, clean);
  }

  /** A number of a card, an account or a person may come as an integer: as one in JSON, it becomes a text where it is found. */
  #integerValue(key: string, tagAt: number, end: number, integer: bigint): number {
    const digits = integer.toString();
    if (digits.length < NUMBER_DIGITS_MIN) return 0;
    const context = this.#walk.textContext(key === '' ? 'number' : key, '');
    if (this.#engine.text.isClean(digits, context.key, this.#walk.rules, this.#engine.policy.budgets)) return 0;
    const clean = this.#engine.text.scrub(digits, context);
    return clean === digits ? 0 : this.#edits.replaceField(tagAt, end, bytesField(1, Buffer.from(clean)));
  }

  #bytesValue(key: string, lengthAt: number, start: number, end: number): number {
    if (start === end) return 0;
    const raw = this.#bytes.subarray(start, end);
    const text = raw.toString('utf8');
    const clean = this.#engine.text.scrub(text, this.#walk.textContext(key, ''));
    if (clean === text) return 0;
    // Bytes that are no text cannot be edited inside.
    const isText = Buffer.from(text).equals(raw);
    const kept = isText ? clean : this.#engine.markers.redacted('binary');
    return this.#edits.replaceContent(lengthAt, end, kept);
  }

  #list(key: string, start: number, end: number, depth: number): number {
    const chunks = listChunks(this.#bytes, start, end);
    // A command's words and the parts of one value may be the items of a list.
    if (chunks.length > 1) this.#walk.redactJoined(chunks, key, [' ', '']);
    const reader = new WireReader(this.#bytes, start, end);
    let grown = 0;
    let index = 0;
    let previous = '';
    for (let tagAt = start, tag = reader.tag(); tag !== 0; tagAt = reader.pos, tag = reader.tag()) {
      const at = reader.pos;
      if (tag !== 0x0a) {
        reader.skip(tag);
        grown += this.#opaque.field(tagAt, at, reader.pos);
        continue;
      }
      const valueEnd = reader.lengthEnd();
      const value = { lengthAt: at, start: reader.pos, end: valueEnd };
      reader.pos = valueEnd;
      this.#walk.path.push(`[${index}]`);
      const flag = /^--?([A-Za-z][\w.-]{1,63})$/.exec(previous)?.[1];
      const rule = flag === undefined ? undefined : this.#engine.scanner.sensitiveKey(flag);
      if (rule === undefined) {
        const change = this.#anyValue(flag ?? key, value.start, value.end, depth + 1);
        if (change !== 0) grown += this.#edits.resize(value.lengthAt, value.start, value.end, change);
      } else {
        grown += this.#sensitiveValue(rule, value);
      }
      this.#walk.path.pop();
      previous = stringField(this.#bytes, value.start, value.end, 1, 128);
      index += 1;
    }
    return grown;
  }

  #members(start: number, end: number): number {
    const reader = new WireReader(this.#bytes, start, end);
    let grown = 0;
    for (let tagAt = start, tag = reader.tag(); tag !== 0; tagAt = reader.pos, tag = reader.tag()) {
      const at = reader.pos;
      if (tag !== 0x0a) {
        reader.skip(tag);
        grown += this.#opaque.field(tagAt, at, reader.pos);
        continue;
      }
      const valueEnd = reader.lengthEnd();
      const valueAt = reader.pos;
      reader.pos = valueEnd;
      grown += this.#attribute(tagAt, at, valueAt, valueEnd, true);
    }
    return grown;
  }

  #classOf(info: KeyInfo, nested: boolean): string {
    const { content } = info;
    if (content === undefined) return '';
    if (content.agentOnly) {
      if (nested) return '';
      if (!this.#walk.isAgent()) return '';
    }
    if (content.class === 'entity.io' && this.#walk.item >= 0 && this.#walk.recordContext().tool) {
      return /(?:output|Output|result|response)/.test(info.text) ? 'tool.result' : 'tool.arguments';
    }
    const ofTool = this.#toolClass(content.class, info.text);
    return ofTool === '' ? content.class : ofTool;
  }

  /** What names of messages mean where they tell of a tool: in its own messages, and in all of a tool's record. */
  #toolClass(contentClass: string, key: string): '' | 'tool.arguments' | 'tool.result' {
    const event = this.#walk.eventName ?? '';
    const isLegacy = event === '' && (key === 'gen_ai.prompt' || key === 'gen_ai.completion');
    if (!isLegacy && !TOOL_EVENTS.has(event)) return '';
    const inTool = this.#walk.item >= 0 && this.#walk.recordContext().tool;
    if (event === 'gen_ai.tool.message' && contentClass === 'messages.event')
      return inTool ? 'tool.arguments' : 'tool.result';
    if (!inTool) return '';
    if (contentClass === 'messages.input') return 'tool.arguments';
    return contentClass === 'messages.output' || contentClass === 'messages.event' ? 'tool.result' : '';
  }
}

/** The texts among the items of a list. */
function listChunks(bytes: Buffer, start: number, end: number): readonly Chunk[] {
  const reader = new WireReader(bytes, start, end);
  const chunks: Chunk[] = [];
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag !== 0x0a) {
      reader.skip(tag);
      continue;
    }
    const itemEnd = reader.lengthEnd();
    const item = wholeString(bytes, reader.pos, itemEnd);
    if (item >= 0) chunks.push({ at: item, text: bytes.toString('utf8', item, itemEnd) });
    reader.pos = itemEnd;
  }
  return chunks;
}
