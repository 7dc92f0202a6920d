import type {
  EvidenceContent,
  EvidenceKind,
  EvidenceOutcome,
  EvidenceRedaction,
  EvidenceRow,
  EvidenceSource,
  EvidenceTool,
  EvidenceTrust,
  LinkMode,
} from '../record/evidence.ts';
import type { ActorKind } from '../record/actor.ts';
import type { BlockMemory } from './native/block-memory.ts';
import { ArrayColumn, FlatColumn, type Column, type NativeBlock } from './native/column.ts';

const UINT64_MAX = 0xffff_ffff_ffff_ffffn;
/** The last instant DateTime64(9) holds. */
const TIME_MAX = 0x7fff_ffff_ffff_ffffn;

/** A Nullable(T) column: a run of null flags before the values. */
class NullableColumn implements Column {
  readonly name: string;
  readonly type: string;
  readonly #flags: FlatColumn;
  readonly #values: FlatColumn;

  constructor(name: string, type: string, memory?: BlockMemory) {
    this.name = name;
    this.type = `Nullable(${type})`;
    this.#flags = new FlatColumn('', 'UInt8', memory);
    this.#values = new FlatColumn('', type, memory);
  }

  text(value: string | null | undefined): void {
    this.#flags.uint8(value === null || value === undefined ? 1 : 0);
    this.#values.text(value ?? '');
  }

  integer(value: bigint | null): void {
    this.#flags.uint8(value === null ? 1 : 0);
    this.#values.bigint64(value ?? 0n);
  }

  parts(): Buffer[] {
    return [...this.#flags.parts(), ...this.#values.parts()];
  }

  release(): void {
    this.#flags.release();
    this.#values.release();
  }
}

/** A block of `evidence` that rows are added to one by one. A row's version is when Docket received it. */
export interface EvidenceBlock extends NativeBlock {
  add(row: EvidenceRow): void;
  /** Gives the memory back: once it is sent, and nothing reads from it any more. */
  release(): void;
}

export function createEvidenceBlock(memory?: BlockMemory): EvidenceBlock {
  const columns: Column[] = [];
  const writers: ((row: EvidenceRow) => void)[] = [];
  function column<Each extends Column>(made: Each, write: (column: Each, row: EvidenceRow) => void): void {
    columns.push(made);
    writers.push((row) => write(made, row));
  }
  const flat = (name: string, type: string, write: (column: FlatColumn, row: EvidenceRow) => void): void =>
    column(new FlatColumn(name, type, memory), write);
  const texts = (name: string, pick: (row: EvidenceRow) => string): void =>
    flat(name, 'String', (made, row) => made.text(pick(row)));
  const nullableTexts = (name: string, pick: (row: EvidenceRow) => string | null | undefined): void =>
    column(new NullableColumn(name, 'String', memory), (made, row) => made.text(pick(row)));
  const nullableIntegers = (name: string, type: string, pick: (row: EvidenceRow) => bigint | null): void =>
    column(new NullableColumn(name, type, memory), (made, row) => made.integer(pick(row)));
  const lists = (name: string, pick: (row: EvidenceRow) => readonly string[]): void =>
    column(new ArrayColumn(name, 'String', memory), (made, row) => {
      const values = pick(row);
      for (const value of values) made.values.text(value);
      made.offsets.total += values.length;
      made.closeRow();
    });
  const times = (name: string, pick: (row: EvidenceRow) => bigint): void =>
    flat(name, 'DateTime64(9)', (made, row) => made.bigint64(inRange(pick(row), TIME_MAX)));

  texts('tenant', (row) => row.tenant);
  texts('incident', (row) => row.incident);
  texts('id', (row) => row.id);
  flat('version', 'UInt64', (made, row) => made.bigint64(inRange(row.receivedAtUnixNano, UINT64_MAX >> 2n)));
  flat('is_deleted', 'UInt8', (made) => made.uint8(0));
  texts('kind', (row) => row.kind);
  times('occurred_at', (row) => row.occurredAtUnixNano);
  nullableIntegers('ended_at', 'DateTime64(9)', ({ endedAtUnixNano }) =>
    endedAtUnixNano === null ? null : inRange(endedAtUnixNano, TIME_MAX),
  );
  times('received_at', (row) => row.receivedAtUnixNano);
  texts('outcome', (row) => row.outcome);
  texts('actor_kind', (row) => row.actor.kind);
  texts('actor_name', (row) => row.actor.name);
  nullableTexts('actor_id', (row) => row.actor.id);
  nullableTexts('actor_on_behalf_of', (row) => row.actor.onBehalfOf);
  texts('service', (row) => row.service);
  texts('environment', (row) => row.environment);
  texts('summary', (row) => row.summary);
  nullableTexts('tool_name', (row) => row.tool?.name);
  nullableTexts('tool_call_id', (row) => row.tool?.callId);
  nullableTexts('tool_type', (row) => row.tool?.type);
  nullableTexts('tool_mcp_server', (row) => row.tool?.mcpServer);
  texts('tool_tier', (row) => row.tool?.tier ?? '');
  nullableTexts('tool_tier_rule', (row) => row.tool?.tierRule);
  nullableTexts('model_name', (row) => row.model?.name);
  nullableTexts('model_provider', (row) => row.model?.provider);
  flat('has_tokens', 'UInt8', (made, row) => made.uint8(row.tokens === null ? 0 : 1));
  nullableIntegers('tokens_input', 'UInt64', (row) => tokenCount(row.tokens?.input));
  nullableIntegers('tokens_output', 'UInt64', (row) => tokenCount(row.tokens?.output));
  texts('conversation_id', (row) => row.conversationId);
  texts('session_id', (row) => row.sessionId);
  texts('trace_id', (row) => row.source.traceId);
  texts('span_id', (row) => row.source.spanId);
  texts('signal', (row) => row.source.signal);
  lists('also_seen_as', (row) => row.source.alsoSeenAs);
  lists('named_refs', (row) => row.namedRefs);
  texts('source_family', (row) => row.sourceFamily);
  texts('trust', (row) => row.trust);
  texts('dialect', (row) => row.dialect);
  texts('link_mode', (row) => row.link?.mode ?? '');
  texts('link_rule', (row) => row.link?.rule ?? '');
  flat('link_score', 'Float64', (made, row) => made.float64(row.link?.score ?? 0));
  texts('policy_version', (row) => row.policyVersion);
  texts('digest', (row) => row.digest);
  texts('content', (row) => JSON.stringify(row.content));
  texts('redactions', (row) => JSON.stringify(row.redactions));
  texts('facts', (row) => JSON.stringify(row.facts));

  let rows = 0;
  return {
    columns,
    get rows() {
      return rows;
    },
    add(row) {
      for (const write of writers) write(row);
      rows += 1;
    },
    release() {
      for (const each of columns) each.release();
    },
  };
}

/** The rows as a block of `evidence`. */
export function evidenceBlock(rows: readonly EvidenceRow[]): NativeBlock {
  const block = createEvidenceBlock();
  for (const row of rows) block.add(row);
  return block;
}

function inRange(value: bigint, max: bigint): bigint {
  if (value < 0n) return 0n;
  return value > max ? max : value;
}

function tokenCount(value: number | null | undefined): bigint | null {
  if (value === null || value === undefined || !Number.isFinite(value) || value < 0) return null;
  return BigInt(Math.trunc(value));
}

/** Columns that give a StoredEvidence. */
export const EVIDENCE_COLUMNS =
  'tenant, incident, id, narrow_columns, trace_id, span_id, digest, content, redactions, facts';

/**
 * A row as it is read. Rows of a page lie scattered over an incident's rows, and each column costs a read for each of them:
 * what is short is read from one column that repeats it (`narrow_columns`).
 */
export interface StoredEvidence {
  readonly tenant: string;
  readonly incident: string;
  readonly id: string;
  /** A JSON array, see NarrowColumns. */
  readonly narrow_columns: string;
  readonly trace_id: string;
  readonly span_id: string;
  readonly digest: string;
  readonly content: string;
  readonly redactions: string;
  readonly facts: string;
}

/** In the order of the expression in sql/017-evidence_narrow_columns.sql. 64-bit numbers are text, JSON would lose digits. */
type NarrowColumns = readonly [
  kind: EvidenceKind,
  occurred: string,
  ended: string | null,
  received: string,
  outcome: EvidenceOutcome,
  actorKind: ActorKind,
  actorName: string,
  actorId: string | null,
  actorOnBehalfOf: string | null,
  service: string,
  environment: string,
  summary: string,
  toolName: string | null,
  toolCallId: string | null,
  toolType: string | null,
  toolMcpServer: string | null,
  toolTier: EvidenceTool['tier'] | '',
  toolTierRule: string | null,
  modelName: string | null,
  modelProvider: string | null,
  hasTokens: number,
  tokensInput: string | null,
  tokensOutput: string | null,
  conversationId: string,
  sessionId: string,
  signal: EvidenceSource['signal'],
  alsoSeenAs: readonly string[],
  namedRefs: readonly string[],
  sourceFamily: string,
  trust: EvidenceTrust,
  dialect: string,
  linkMode: LinkMode | '',
  linkRule: string,
  linkScore: number,
  policyVersion: string,
];

/** What `evidenceBlock` wrote, read back. */
export function toEvidenceRow(stored: StoredEvidence): EvidenceRow {
  const [
    kind,
    occurred,
    ended,
    received,
    outcome,
    actorKind,
    actorName,
    actorId,
    actorOnBehalfOf,
    service,
    environment,
    summary,
    toolName,
    toolCallId,
    toolType,
    toolMcpServer,
    toolTier,
    toolTierRule,
    modelName,
    modelProvider,
    hasTokens,
    tokensInput,
    tokensOutput,
    conversationId,
    sessionId,
    signal,
    alsoSeenAs,
    namedRefs,
    sourceFamily,
    trust,
    dialect,
    linkMode,
    linkRule,
    linkScore,
    policyVersion,
  ] = JSON.parse(stored.narrow_columns) as NarrowColumns;
  const tool: EvidenceTool | null =
    toolName === null
      ? null
      : {
          name: toolName,
          callId: toolCallId,
          type: toolType,
          mcpServer: toolMcpServer,
          tier: toolTier === '' ? 'unknown' : toolTier,
          tierRule: toolTierRule,
        };
  return {
    tenant: stored.tenant,
    id: stored.id,
    incident: stored.incident,
    kind,
    state: stored.incident === '' ? 'unfiled' : 'linked',
    occurredAtUnixNano: BigInt(occurred),
    endedAtUnixNano: ended === null ? null : BigInt(ended),
    receivedAtUnixNano: BigInt(received),
    outcome,
    actor: {
      kind: actorKind,
      name: actorName,
      id: actorId,
      ...(actorOnBehalfOf === null ? {} : { onBehalfOf: actorOnBehalfOf }),
    },
    service,
    environment,
    summary,
    tool,
    model: modelName === null ? null : { name: modelName, provider: modelProvider },
    tokens: hasTokens === 0 ? null : { input: toCount(tokensInput), output: toCount(tokensOutput) },
    conversationId,
    sessionId,
    content: JSON.parse(stored.content) as Record<string, EvidenceContent>,
    redactions: JSON.parse(stored.redactions) as EvidenceRedaction[],
    link: linkMode === '' ? null : { mode: linkMode, rule: linkRule, score: linkScore },
    source: { traceId: stored.trace_id, spanId: stored.span_id, signal, alsoSeenAs },
    sourceFamily,
    trust,
    dialect,
    namedRefs,
    facts: JSON.parse(stored.facts) as EvidenceRow['facts'],
    policyVersion,
    digest: stored.digest,
  };
}

function toCount(text: string | null): number | null {
  return text === null ? null : Number(text);
}
