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
import type { ContentJson } from '../record/evidence-log.ts';
import type { ActorKind } from '../record/actor.ts';
import type { BlockMemory } from './native/block-memory.ts';
import { ArrayColumn, FlatColumn, type Column, type NativeBlock } from './native/column.ts';

/** Leaves room for a tombstone's (./evidence-log.ts). */
const VERSION_MAX = 0xffff_ffff_ffff_ffffn >> 2n;
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
  /** `content`, where it is given, has that of this row at `at`. */
  add(row: EvidenceRow, content?: ContentJson, at?: number): void;
  /** Gives the memory back: once it is sent, and nothing reads from it any more. */
  release(): void;
}

export function createEvidenceBlock(memory?: BlockMemory): EvidenceBlock {
  const columns: Column[] = [];
  function made<Each extends Column>(column: Each): Each {
    columns.push(column);
    return column;
  }
  const flat = (name: string, type: string): FlatColumn => made(new FlatColumn(name, type, memory));
  const texts = (name: string): FlatColumn => flat(name, 'String');
  const nullable = (name: string, type = 'String'): NullableColumn => made(new NullableColumn(name, type, memory));
  const lists = (name: string): ArrayColumn => made(new ArrayColumn(name, 'String', memory));

  // In the order in which they are sent.
  const tenant = texts('tenant');
  const incident = texts('incident');
  const id = texts('id');
  const version = flat('version', 'UInt64');
  const isDeleted = flat('is_deleted', 'UInt8');
  const kind = texts('kind');
  const occurredAt = flat('occurred_at', 'DateTime64(9)');
  const endedAt = nullable('ended_at', 'DateTime64(9)');
  const receivedAt = flat('received_at', 'DateTime64(9)');
  const outcome = texts('outcome');
  const actorKind = texts('actor_kind');
  const actorName = texts('actor_name');
  const actorId = nullable('actor_id');
  const actorOnBehalfOf = nullable('actor_on_behalf_of');
  const service = texts('service');
  const environment = texts('environment');
  const summary = texts('summary');
  const toolName = nullable('tool_name');
  const toolCallId = nullable('tool_call_id');
  const toolType = nullable('tool_type');
  const toolMcpServer = nullable('tool_mcp_server');
  const toolTier = texts('tool_tier');
  const toolTierRule = nullable('tool_tier_rule');
  const modelName = nullable('model_name');
  const modelProvider = nullable('model_provider');
  const hasTokens = flat('has_tokens', 'UInt8');
  const tokensInput = nullable('tokens_input', 'UInt64');
  const tokensOutput = nullable('tokens_output', 'UInt64');
  const conversationId = texts('conversation_id');
  const sessionId = texts('session_id');
  const traceId = texts('trace_id');
  const spanId = texts('span_id');
  const signal = texts('signal');
  const alsoSeenAs = lists('also_seen_as');
  const namedRefs = lists('named_refs');
  const sourceFamily = texts('source_family');
  const trust = texts('trust');
  const dialect = texts('dialect');
  const linkMode = texts('link_mode');
  const linkRule = texts('link_rule');
  const linkScore = flat('link_score', 'Float64');
  const policyVersion = texts('policy_version');
  const digest = texts('digest');
  const content = texts('content');
  const redactions = texts('redactions');
  const facts = texts('facts');

  let rows = 0;
  return {
    columns,
    get rows() {
      return rows;
    },
    add(row, json, at = 0) {
      const { actor, tool, model, tokens, source, link, endedAtUnixNano } = row;
      tenant.text(row.tenant);
      incident.text(row.incident);
      id.text(row.id);
      version.bigint64(inRange(row.receivedAtUnixNano, VERSION_MAX));
      isDeleted.uint8(0);
      kind.text(row.kind);
      occurredAt.bigint64(inRange(row.occurredAtUnixNano, TIME_MAX));
      endedAt.integer(endedAtUnixNano === null ? null : inRange(endedAtUnixNano, TIME_MAX));
      receivedAt.bigint64(inRange(row.receivedAtUnixNano, TIME_MAX));
      outcome.text(row.outcome);
      actorKind.text(actor.kind);
      actorName.text(actor.name);
      actorId.text(actor.id);
      actorOnBehalfOf.text(actor.onBehalfOf);
      service.text(row.service);
      environment.text(row.environment);
      summary.text(row.summary);
      toolName.text(tool?.name);
      toolCallId.text(tool?.callId);
      toolType.text(tool?.type);
      toolMcpServer.text(tool?.mcpServer);
      toolTier.text(tool?.tier ?? '');
      toolTierRule.text(tool?.tierRule);
      modelName.text(model?.name);
      modelProvider.text(model?.provider);
      hasTokens.uint8(tokens === null ? 0 : 1);
      tokensInput.integer(tokenCount(tokens?.input));
      tokensOutput.integer(tokenCount(tokens?.output));
      conversationId.text(row.conversationId);
      sessionId.text(row.sessionId);
      traceId.text(source.traceId);
      spanId.text(source.spanId);
      signal.text(source.signal);
      addList(alsoSeenAs, source.alsoSeenAs);
      addList(namedRefs, row.namedRefs);
      sourceFamily.text(row.sourceFamily);
      trust.text(row.trust);
      dialect.text(row.dialect);
      linkMode.text(link?.mode ?? '');
      linkRule.text(link?.rule ?? '');
      linkScore.float64(link?.score ?? 0);
      policyVersion.text(row.policyVersion);
      digest.text(row.digest);
      const start = json?.starts[at] ?? 0;
      const end = json?.ends[at] ?? 0;
      if (json !== undefined && end > start) content.string(json.bytes, start, end);
      else content.text(JSON.stringify(row.content));
      redactions.text(row.redactions.length === 0 ? '[]' : JSON.stringify(row.redactions));
      facts.text(JSON.stringify(row.facts));
      rows += 1;
    },
    release() {
      for (const each of columns) each.release();
    },
  };
}

function addList(column: ArrayColumn, values: readonly string[]): void {
  for (const value of values) column.values.text(value);
  column.offsets.total += values.length;
  column.closeRow();
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
