import { WireReader } from '../otlp/protobuf/reader.ts';
import { isAgentName, isAgentScope } from '../otlp/semconv/content-keys.ts';
import type { Redaction } from '../pipeline/receipt.ts';
import { redactChunks, type Chunk } from './chunked-text.ts';
import { decodedText } from './decoded-text.ts';
import { Edits } from './edits.ts';
import type { Engine, RulesMemory } from './engine.ts';
import { attributeString, stringField } from './message-field.ts';
import { ID, type MessagePlan } from './message-plan.ts';
import { rulesFor, type PolicyBudgets, type PolicyRules } from './policy.ts';
import { ReceiptBook, type RecordIds } from './receipt-book.ts';
import { NO_CONTEXT, readRecordContext, type RecordContext } from './record-context.ts';
import type { TextContext } from './text-context.ts';
import { WorkBudget } from './work-budget.ts';

const TRACE_ID_BYTES = 16;
/** By what telemetry names its incident. */
const INCIDENT_KEYS = ['incident.id', 'docket.incident.id'];

/** A record of the request: its plan and where its content lies. */
export interface WalkedRecord {
  readonly plan: MessagePlan;
  readonly start: number;
  readonly end: number;
}

/** Where the walk over one request is, what is known there, and what it has collected so far. */
export class WalkState {
  readonly engine: Engine;
  readonly bytes: Buffer;
  /** A view of exactly `bytes`, for the memories. */
  readonly view: DataView;
  readonly tenant: string;
  readonly edits = new Edits();
  readonly receipts = new ReceiptBook();
  readonly budget: WorkBudget;
  readonly records: WalkedRecord[] = [];
  /** New texts of values that are pieces of one text, by where their bytes begin. */
  readonly pieces = new Map<number, string>();
  path: string[] = [];
  rules: PolicyRules;
  memory: RulesMemory;
  /** Ordinal of the record under way; -1 outside one. */
  item = -1;
  /** Name of the span event under way. */
  eventName: string | undefined;
  /** Texts of the record under way that were scrubbed whole, once it has a tool's: what tells of the call need not scrub them again. */
  scrubbed: { readonly text: string; readonly clean: string }[] | undefined;
  /** Ordinals of the first record under the resource, the scope and the metric under way. */
  resourceFirst = 0;
  scopeFirst = 0;
  metricFirst = 0;
  /** The ResourceSpans, ResourceLogs or ResourceMetrics under way. */
  #resource: { readonly start: number; readonly end: number } | undefined;
  #scope: { readonly start: number; readonly end: number; agent: boolean | undefined } | undefined;
  #context: RecordContext | undefined;
  #text = '';
  #textStart = -1;
  #textEnd = -1;
  #pseudonymScope: { readonly item: number; readonly scope: string | undefined } | undefined;

  constructor(engine: Engine, bytes: Buffer, tenant: string) {
    this.engine = engine;
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.tenant = tenant;
    this.budget = new WorkBudget(engine.policy.budgets);
    this.rules = rulesFor(engine.policy, tenant, '');
    this.memory = engine.memoryOf(this.rules);
  }

  /** The text of the bytes [start, end). A tool's arguments and result are asked for twice, one time right after the other. */
  text(start: number, end: number): string {
    if (start !== this.#textStart || end !== this.#textEnd) {
      this.#text = decodedText(this.bytes, start, end);
      this.#textStart = start;
      this.#textEnd = end;
    }
    return this.#text;
  }

  /** The context for a text under `key`, at the path so far and `leaf`. */
  textContext(key: string, leaf: string): TextContext {
    return new WalkedText(this, key, leaf);
  }

  receive(redaction: Redaction): void {
    let { item } = this;
    if (item < 0) {
      const { path } = redaction;
      item = path.startsWith('resource.')
        ? this.resourceFirst
        : path.startsWith('metric.')
          ? this.metricFirst
          : this.scopeFirst;
    }
    this.receipts.add(item, redaction);
  }

  /** Joins the pieces of one text, under each separator, and notes what becomes of each piece. */
  redactJoined(chunks: readonly Chunk[], key: string, separators: readonly string[]): void {
    const context = this.textContext(key, '');
    for (const separator of separators) {
      redactChunks(chunks, separator, (joined) => this.engine.text.joinedEdits(joined, context), this.pieces);
    }
  }

  /** A resource begins: the policy may have rules for its service. */
  enterResource(start: number, end: number): void {
    this.resourceFirst = this.records.length;
    this.scopeFirst = this.resourceFirst;
    this.#resource = { start, end };
    const { policy } = this.engine;
    if (policy.overrides.length === 0) return;
    this.rules = rulesFor(policy, this.tenant, this.#resourceAttribute('service.name'));
    this.memory = this.engine.memoryOf(this.rules);
  }

  /** The string value of an attribute of the resource under way, '' when there is none. */
  #resourceAttribute(key: string): string {
    if (this.#resource === undefined) return '';
    let text = '';
    const reader = new WireReader(this.bytes, this.#resource.start, this.#resource.end);
    for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
      if (tag !== 0x0a) {
        reader.skip(tag);
        continue;
      }
      const resourceEnd = reader.lengthEnd();
      text = attributeString(this.bytes, reader.pos, resourceEnd, 1, key) || text;
      reader.pos = resourceEnd;
    }
    return text;
  }

  enterScope(start: number, end: number): void {
    this.scopeFirst = this.records.length;
    this.#scope = { start, end, agent: undefined };
    this.pieces.clear();
  }

  /** Returns the record's ordinal. */
  enterRecord(plan: MessagePlan, start: number, end: number): number {
    this.item = this.records.length;
    this.records.push({ plan, start, end });
    this.#context = undefined;
    this.budget.beginRecord();
    return this.item;
  }

  leaveRecord(): void {
    this.item = -1;
    this.eventName = undefined;
    this.scrubbed = undefined;
  }

  get record(): WalkedRecord | undefined {
    return this.item < 0 ? undefined : this.records[this.item];
  }

  /** True where an agent framework wrote what is walked: general names then mean content. */
  isAgent(): boolean {
    if (this.eventName !== undefined && isAgentName(this.eventName)) return true;
    return this.item >= 0 ? this.recordContext().agent : this.#agentScope();
  }

  /** What the record under way says about itself, read when first asked for. */
  recordContext(): RecordContext {
    const { record } = this;
    if (record === undefined) return NO_CONTEXT;
    this.#context ??= readRecordContext(
      record.plan.name,
      this.bytes,
      this.view,
      record.start,
      record.end,
      this.#agentScope(),
      this.engine.keyMeanings,
    );
    return this.#context;
  }

  /** The same, when something has asked for it. */
  get knownContext(): RecordContext | undefined {
    return this.#context;
  }

  /** What a pseudonym of the record under way is stable in: its incident, else its trace. */
  pseudonymScope(): string | undefined {
    const { item, record } = this;
    if (record === undefined) return undefined;
    if (this.#pseudonymScope?.item === item) return this.#pseudonymScope.scope;
    const { traceId } = this.idsOf(item);
    const field = record.plan.fields.find((each) => each?.name === 'attributes')?.number ?? 0;
    const refs = [
      ...INCIDENT_KEYS.map((key) => attributeString(this.bytes, record.start, record.end, field, key)),
      ...INCIDENT_KEYS.map((key) => this.#resourceAttribute(key)),
    ].filter((ref) => ref !== '');
    const incident = this.engine.incidentOf?.(this.tenant, refs, traceId) ?? refs[0];
    const scope = incident === undefined ? (traceId === '' ? undefined : `trace ${traceId}`) : `incident ${incident}`;
    this.#pseudonymScope = { item, scope };
    return scope;
  }

  #agentScope(): boolean {
    const scope = this.#scope;
    if (scope === undefined) return false;
    if (scope.agent === undefined) {
      const reader = new WireReader(this.bytes, scope.start, scope.end);
      scope.agent = false;
      for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
        if (tag !== 0x0a) {
          reader.skip(tag);
          continue;
        }
        const end = reader.lengthEnd();
        if (isAgentScope(stringField(this.bytes, reader.pos, end, 1))) scope.agent = true;
        reader.pos = end;
      }
    }
    return scope.agent;
  }

  /** Ids of a record, '' where it has none or cannot be read. */
  idsOf(item: number): RecordIds {
    const record = this.records[item];
    const ids = { traceId: '', spanId: '' };
    if (record === undefined) return ids;
    try {
      const reader = new WireReader(this.bytes, record.start, record.end);
      for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
        const field = record.plan.fields[tag >>> 3];
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

/** A text where the walk is while it is looked into. */
class WalkedText implements TextContext {
  readonly key: string;
  readonly #walk: WalkState;
  readonly #leaf: string;

  constructor(walk: WalkState, key: string, leaf: string) {
    this.#walk = walk;
    this.key = key;
    this.#leaf = leaf;
  }

  get tenant(): string {
    return this.#walk.tenant;
  }

  get rules(): PolicyRules {
    return this.#walk.rules;
  }

  get budgets(): PolicyBudgets {
    return this.#walk.engine.policy.budgets;
  }

  get path(): string {
    return this.#walk.path.join('') + this.#leaf;
  }

  scope(): string | undefined {
    return this.#walk.pseudonymScope();
  }

  receive(redaction: Redaction): void {
    this.#walk.receive(redaction);
  }

  expired(text: string): boolean {
    return this.#walk.budget.isOver(text.length);
  }

  scrubbed(text: string, clean: string): void {
    this.#walk.scrubbed?.push({ text, clean });
  }
}
