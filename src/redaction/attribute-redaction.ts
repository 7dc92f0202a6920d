import { WireReader } from '../otlp/protobuf/reader.ts';
import { splitToolContent } from '../otlp/semconv/tool-parts.ts';
import { attributeClass } from './attribute-class.ts';
import { cleanKey, pathKey, readKey, type KeyInfo } from './attribute-key.ts';
import { bodyClass, NAMED_CLASS } from './content-class.ts';
import { decodedText } from './decoded-text.ts';
import type { Edits } from './edits.ts';
import type { Engine } from './engine.ts';
import { messageRole } from './message-content.ts';
import { afterLength, attributeString } from './message-field.ts';
import type { OpaqueFields } from './opaque-field.ts';
import { scrubsPlainly, treatmentOf, type MessageRole, type Treatment } from './policy.ts';
import { isToolKey } from './record-context.ts';
import { RequestedCalls } from './requested-call.ts';
import { contextWith } from './text-context.ts';
import { ValueRedaction, type ValueRange } from './value-redaction.ts';
import type { WalkState } from './walk-state.ts';

/** What links telemetry to incidents, sessions and services stays readable wherever it stands. */
const LINKING_KEY = /(?:^|[._])(?:id|name|version|type|kind|system|operation|url)$/;

/** Where the answer to an MCP `tools/list` is kept. */
const LISTS_TOOLS: ReadonlySet<string> = new Set(['mcp.response.value', 'traceloop.entity.output', 'response']);

/** Redacts attributes and the values in them, where the walk over a request is. */
export class AttributeRedaction {
  readonly #walk: WalkState;
  readonly #opaque: OpaqueFields;
  readonly #values: ValueRedaction;
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
    this.#values = new ValueRedaction(walk, opaque, (tagAt, lengthAt, start, end) =>
      this.#attribute(tagAt, lengthAt, start, end, true),
    );
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
    if (scrubsPlainly(this.#walk.rules, contentClass, treatment, end - start)) return this.#values.plain('', value);
    const change = this.#treatValue('', contentClass, treatment, value);
    // A body cannot be left out the way an attribute can: an empty value stands for it.
    return change ?? this.#edits.replaceContent(lengthAt, end, Buffer.alloc(0));
  }

  #noteSplitContent(value: ValueRange): void {
    const split = splitToolContent(this.#values.text(value));
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
      const keys: ValueRange[] = [];
      const values: ValueRange[] = [];
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
  #splitPair(start: number, end: number, keys: ValueRange[], values: ValueRange[]): number {
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
        return text.isClean(decodedText(bytes, textAt, end), info.text, this.#walk.rules, policy.budgets);
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
  #attributeValue(info: KeyInfo, value: ValueRange, nested: boolean): number | undefined {
    if (isToolKey(info.text) && this.#walk.item >= 0) this.#walk.recordContext();
    if (info.sensitive !== undefined) return this.#values.sensitive(info.sensitive, value);
    const contentClass =
      attributeClass(this.#walk, info, nested) ||
      (this.#other !== '' && !LINKING_KEY.test(info.text) ? this.#other : '') ||
      (info.named && !nested ? NAMED_CLASS : '');
    if (contentClass === '') return info.ignored ? 0 : this.#values.plain(info.text, value);
    const context = contentClass.startsWith('tool.') ? this.#walk.recordContext() : undefined;
    if (context !== undefined) this.#walk.scrubbed ??= [];
    if (contentClass === 'tool.arguments') this.#arguments.push(this.#values.text(value));
    if (contentClass === 'tool.result') this.#results.push(this.#values.text(value));
    this.requested.noteAttribute(contentClass, info.text, value.start, value.end);
    const listed = LISTS_TOOLS.has(info.text) || contentClass === 'tool.definitions';
    if (listed && this.#bytes.subarray(value.start, value.end).includes('Hint')) {
      this.#engine.annotations.learn(this.#walk.tenant, this.#values.text(value));
    }
    if (info.ignored) return 0;
    const treatment = treatmentOf(this.#walk.rules, contentClass, info.text, context?.toolName ?? this.#toolName());
    if (treatment.action === 'keep') return 0;
    if (scrubsPlainly(this.#walk.rules, contentClass, treatment, value.end - value.start)) {
      return this.#values.plain(info.text, value);
    }
    return this.#treatValue(info.text, contentClass, treatment, value);
  }

  #toolName(): string {
    return this.#walk.rules.content.some((each) => each.tools !== undefined) ? this.#walk.recordContext().toolName : '';
  }

  #treatValue(key: string, contentClass: string, treatment: Treatment, value: ValueRange): number | undefined {
    const text = this.#values.text(value);
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
}
