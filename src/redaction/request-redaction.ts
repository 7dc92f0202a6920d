import { WireReader } from '../otlp/protobuf/reader.ts';
import type { ItemFacts } from '../pipeline/facts.ts';
import type { RecordReceipt } from '../pipeline/receipt.ts';
import { AttributeRedaction } from './attribute-redaction.ts';
import { otherClass } from './content-class.ts';
import type { Edits } from './edits.ts';
import type { Engine } from './engine.ts';
import { stringField } from './message-field.ts';
import { ANY_VALUE, ID, KEY_VALUE, MESSAGE, NUMERIC, TEXT, type FieldPlan, type MessagePlan } from './message-plan.ts';
import { metadataOnly } from './metadata-only.ts';
import { OpaqueFields } from './opaque-field.ts';
import { scrubsPlainly, treatmentOf } from './policy.ts';
import { streamedDeltas } from './streamed-delta.ts';
import { contextWith } from './text-context.ts';
import { toolFacts } from './tool-facts.ts';
import { WalkState } from './walk-state.ts';

export interface RequestOutcome {
  readonly bytes: Buffer;
  readonly receipts: readonly RecordReceipt[];
  readonly facts: readonly ItemFacts[];
  /** Records that ask for more calls than facts are kept of. */
  readonly bounded: number;
}

const TRACE_ID_BYTES = 16;
const SPAN_ID_BYTES = 8;

/** Redacts one export request: one walk that collects edits, receipts and facts. For one use. */
export class RequestRedaction {
  readonly #engine: Engine;
  readonly #bytes: Buffer;
  readonly #walk: WalkState;
  readonly #opaque: OpaqueFields;
  readonly #attributes: AttributeRedaction;
  readonly #edits: Edits;
  readonly #facts: ItemFacts[] = [];
  readonly #reader: WireReader;
  readonly #recordPath: string[] = [];

  constructor(engine: Engine, bytes: Buffer, tenant: string) {
    this.#engine = engine;
    this.#bytes = bytes;
    this.#walk = new WalkState(engine, bytes, tenant);
    this.#opaque = new OpaqueFields(this.#walk);
    this.#attributes = new AttributeRedaction(this.#walk, this.#opaque);
    this.#edits = this.#walk.edits;
    this.#reader = new WireReader(bytes);
  }

  /** Throws only when the bytes cannot be walked at all; the caller then withholds the request. */
  run(plan: MessagePlan): RequestOutcome {
    this.#fields(plan, 0, this.#bytes.length);
    const observed = this.#engine.policy.mode === 'observe';
    return {
      bytes: observed ? this.#bytes : this.#edits.apply(this.#bytes),
      receipts: this.#walk.receipts.finish(this.#walk.records.length, (item) => this.#walk.idsOf(item)),
      facts: this.#facts,
      bounded: this.#attributes.requested.bounded,
    };
  }

  // ---- messages

  /** Walks a message's content; returns by how many bytes it grows. */
  #fields(plan: MessagePlan, start: number, end: number): number {
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
        delta += this.#opaque.field(tagAt, valueAt, pos);
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
          if (length !== 0 && length !== size) delta += this.#opaque.malformedId(tagAt, contentAt, pos);
          break;
        }
        case TEXT:
          delta += this.#textField(plan, field, lengthAt, contentAt, pos);
          break;
        case KEY_VALUE:
          delta += this.#attributes.field(
            field.name,
            this.#walk.rules.withholdsOther ? otherClass(plan) : '',
            tagAt,
            lengthAt,
            contentAt,
            pos,
          );
          break;
        case ANY_VALUE:
          this.#walk.path.push(field.name);
          delta += this.#attributes.body(lengthAt, contentAt, pos);
          this.#walk.path.pop();
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
            this.#joinDeltas('event', field.number, tagAt, end);
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
        this.#walk.enterResource(start, end);
        break;
      case 'ScopeSpans':
      case 'ScopeLogs':
      case 'ScopeMetrics':
        this.#walk.enterScope(start, end);
        if (plan.name === 'ScopeLogs') this.#joinDeltas('log', 2, start, end);
        break;
      case 'Metric':
        this.#walk.metricFirst = this.#walk.records.length;
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
    if (isEvent) this.#walk.eventName = stringField(this.#bytes, start, end, 2);
    this.#walk.path.push(pathPart);
    grown = this.#fields(plan, start, end);
    this.#walk.path.pop();
    if (isEvent) this.#walk.eventName = undefined;
    return grown === 0 ? 0 : this.#edits.resize(lengthAt, start, end, grown);
  }

  #record(plan: MessagePlan, lengthAt: number, start: number, end: number): number {
    const item = this.#walk.enterRecord(plan, start, end);
    const mark = this.#edits.mark();
    const outerPath = this.#walk.path;
    this.#walk.path = this.#recordPath;
    this.#walk.path.length = 0;
    const received = this.#walk.receipts.mark(item);
    let grown: number;
    try {
      grown = this.#fields(plan, start, end);
      this.#recordFacts(item);
      if (grown !== 0) grown = this.#edits.resize(lengthAt, start, end, grown);
    } catch {
      this.#edits.rollback(mark);
      this.#walk.receipts.rollback(item, received);
      this.#engine.onFailure('engine_error');
      this.#walk.path.length = 0;
      grown = this.#withholdRecord(plan, lengthAt, start, end);
    }
    this.#walk.leaveRecord();
    this.#attributes.leaveRecord();
    this.#walk.path = outerPath;
    return grown;
  }

  /** Keeps ids, times and numbers of a record that could not be redacted, and nothing that can hold text. */
  #withholdRecord(plan: MessagePlan, lengthAt: number, start: number, end: number): number {
    const original = this.#bytes.subarray(start, end);
    const fingerprint = this.#engine.fingerprints.of(this.#walk.tenant, original);
    this.#walk.receive({
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
      const treatment = treatmentOf(this.#walk.rules, contentClass, '', '');
      if (!scrubsPlainly(this.#walk.rules, contentClass, treatment, end - start)) {
        const text = this.#bytes.toString('utf8', start, end);
        const clean =
          this.#engine.text.treat(text, contentClass, treatment, this.#walk.textContext('', field.name)) ?? '';
        return clean === text ? 0 : this.#edits.replaceContent(lengthAt, end, clean);
      }
    }
    const { texts } = this.#walk.memory;
    if (texts.get(this.#walk.view, start, end) === true) return 0;
    const text = this.#bytes.toString('utf8', start, end);
    if (
      !this.#walk.budget.isOver(text.length) &&
      this.#engine.text.isClean(text, '', this.#walk.rules, this.#engine.policy.budgets)
    ) {
      texts.set(this.#walk.view, start, end, true);
      return 0;
    }
    const root = this.#walk.path.length === 0 && this.#walk.item < 0 ? this.#outerPath(plan) : '';
    const clean = this.#engine.text.scrub(text, this.#walk.textContext('', root + field.name));
    if (clean === text) {
      texts.set(this.#walk.view, start, end, true);
      return 0;
    }
    return this.#edits.replaceContent(lengthAt, end, clean);
  }

  /** Schema URLs belong to a resource or a scope without being in their messages. */
  #outerPath(plan: MessagePlan): string {
    return plan.name.startsWith('Scope') ? 'scope.' : plan.name.startsWith('Resource') ? 'resource.' : '';
  }

  /** `start` to `end` is the message that holds them, `field` their number in it. */
  #joinDeltas(kind: 'event' | 'log', field: number, start: number, end: number): void {
    for (const { key, chunks } of streamedDeltas(kind, this.#bytes, field, start, end)) {
      this.#walk.redactJoined(chunks, key, ['']);
    }
  }

  // ---- facts

  #recordFacts(item: number): void {
    const context = this.#walk.knownContext;
    const { requested, toolTexts } = this.#attributes;
    const { arguments: given, results } = toolTexts;
    const isTool = context?.tool === true || given.length > 0 || results.length > 0;
    if (!isTool && requested.isEmpty) return;
    const known = {
      hintOf: (toolName: string) => this.#engine.annotations.of(this.#walk.tenant, toolName),
      scrub: (text: string) =>
        this.#walk.scrubbed?.find((each) => each.text === text)?.clean ??
        this.#engine.text.scrub(text, contextWith(this.#walk.textContext('', ''), { receive: () => {} })),
      digest: (canonical: string) => this.#engine.fingerprints.of(this.#walk.tenant, canonical),
    };
    const requestedCalls = requested.facts(({ name, arguments: given }) =>
      toolFacts({
        ...known,
        context: { tool: true, toolName: name, hint: undefined },
        arguments: given === undefined ? [] : [given],
        results: [],
      }),
    );
    const facts = context === undefined ? undefined : toolFacts({ ...known, context, ...toolTexts });
    if (facts === undefined && requestedCalls.length === 0) return;
    this.#facts.push({ item, ...facts, ...(requestedCalls.length > 0 && { requestedCalls }) });
  }
}
