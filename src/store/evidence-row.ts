import type {
  EvidenceContent,
  EvidenceKind,
  EvidenceLink,
  EvidenceModel,
  EvidenceOutcome,
  EvidenceRedaction,
  EvidenceRow,
  EvidenceSource,
  EvidenceTool,
  EvidenceTrust,
  LinkMode,
} from '../record/evidence.ts';
import type { ActorKind } from '../record/actor.ts';
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

  constructor(name: string, type: string) {
    this.name = name;
    this.type = `Nullable(${type})`;
    this.#flags = new FlatColumn('', 'UInt8');
    this.#values = new FlatColumn('', type);
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

/** The rows as a block of `evidence`. A row's version is when Docket received it. */
export function evidenceBlock(rows: readonly EvidenceRow[]): NativeBlock {
  const columns: Column[] = [];
  const flat = (name: string, type: string): FlatColumn => {
    const column = new FlatColumn(name, type);
    columns.push(column);
    return column;
  };
  const nullable = (name: string, type: string): NullableColumn => {
    const column = new NullableColumn(name, type);
    columns.push(column);
    return column;
  };
  const texts = (name: string, pick: (row: EvidenceRow) => string): void => {
    const column = flat(name, 'String');
    for (const row of rows) column.text(pick(row));
  };
  const nullableTexts = (name: string, pick: (row: EvidenceRow) => string | null | undefined): void => {
    const column = nullable(name, 'String');
    for (const row of rows) column.text(pick(row));
  };
  const lists = (name: string, pick: (row: EvidenceRow) => readonly string[]): void => {
    const column = new ArrayColumn(name, 'String');
    columns.push(column);
    for (const row of rows) {
      for (const value of pick(row)) column.values.text(value);
      column.offsets.total += pick(row).length;
      column.closeRow();
    }
  };
  const times = (name: string, pick: (row: EvidenceRow) => bigint): void => {
    const column = flat(name, 'DateTime64(9)');
    for (const row of rows) column.bigint64(inRange(pick(row), TIME_MAX));
  };

  texts('tenant', (row) => row.tenant);
  texts('incident', (row) => row.incident);
  texts('id', (row) => row.id);
  const version = flat('version', 'UInt64');
  for (const row of rows) version.bigint64(inRange(row.receivedAtUnixNano, UINT64_MAX >> 2n));
  const deleted = flat('is_deleted', 'UInt8');
  for (let index = 0; index < rows.length; index += 1) deleted.uint8(0);
  texts('kind', (row) => row.kind);
  times('occurred_at', (row) => row.occurredAtUnixNano);
  const ended = nullable('ended_at', 'DateTime64(9)');
  for (const row of rows) ended.integer(row.endedAtUnixNano === null ? null : inRange(row.endedAtUnixNano, TIME_MAX));
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
  const hasTokens = flat('has_tokens', 'UInt8');
  const input = nullable('tokens_input', 'UInt64');
  const output = nullable('tokens_output', 'UInt64');
  for (const row of rows) {
    hasTokens.uint8(row.tokens === null ? 0 : 1);
    input.integer(tokenCount(row.tokens?.input));
    output.integer(tokenCount(row.tokens?.output));
  }
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
  const score = flat('link_score', 'Float64');
  for (const row of rows) score.float64(row.link?.score ?? 0);
  texts('policy_version', (row) => row.policyVersion);
  texts('digest', (row) => row.digest);
  texts('content', (row) => JSON.stringify(row.content));
  texts('redactions', (row) => JSON.stringify(row.redactions));
  texts('facts', (row) => JSON.stringify(row.facts));
  return { rows: rows.length, columns };
}

function inRange(value: bigint, max: bigint): bigint {
  if (value < 0n) return 0n;
  return value > max ? max : value;
}

function tokenCount(value: number | null | undefined): bigint | null {
  if (value === null || value === undefined || !Number.isFinite(value) || value < 0) return null;
  return BigInt(Math.trunc(value));
}

/** Expressions that give a StoredEvidence; 64-bit numbers as text, since JSON numbers would lose digits. */
export const EVIDENCE_COLUMNS = `tenant, incident, id, kind,
toString(toUnixTimestamp64Nano(occurred_at)) AS occurred,
if(isNull(ended_at), NULL, toString(toUnixTimestamp64Nano(assumeNotNull(ended_at)))) AS ended,
toString(toUnixTimestamp64Nano(received_at)) AS received,
outcome, actor_kind, actor_name, actor_id, actor_on_behalf_of, service, environment, summary,
tool_name, tool_call_id, tool_type, tool_mcp_server, tool_tier, tool_tier_rule, model_name, model_provider,
has_tokens, toString(tokens_input) AS input_tokens, toString(tokens_output) AS output_tokens,
conversation_id, session_id, trace_id, span_id, signal, also_seen_as, named_refs, source_family, trust, dialect,
link_mode, link_rule, link_score, policy_version, digest, content, redactions, facts`;

export interface StoredEvidence {
  readonly tenant: string;
  readonly incident: string;
  readonly id: string;
  readonly kind: EvidenceKind;
  readonly occurred: string;
  readonly ended: string | null;
  readonly received: string;
  readonly outcome: EvidenceOutcome;
  readonly actor_kind: ActorKind;
  readonly actor_name: string;
  readonly actor_id: string | null;
  readonly actor_on_behalf_of: string | null;
  readonly service: string;
  readonly environment: string;
  readonly summary: string;
  readonly tool_name: string | null;
  readonly tool_call_id: string | null;
  readonly tool_type: string | null;
  readonly tool_mcp_server: string | null;
  readonly tool_tier: EvidenceTool['tier'] | '';
  readonly tool_tier_rule: string | null;
  readonly model_name: string | null;
  readonly model_provider: string | null;
  readonly has_tokens: number;
  readonly input_tokens: string | null;
  readonly output_tokens: string | null;
  readonly conversation_id: string;
  readonly session_id: string;
  readonly trace_id: string;
  readonly span_id: string;
  readonly signal: EvidenceSource['signal'];
  readonly also_seen_as: readonly string[];
  readonly named_refs: readonly string[];
  readonly source_family: string;
  readonly trust: EvidenceTrust;
  readonly dialect: string;
  readonly link_mode: LinkMode | '';
  readonly link_rule: string;
  readonly link_score: number;
  readonly policy_version: string;
  readonly digest: string;
  readonly content: string;
  readonly redactions: string;
  readonly facts: string;
}

/** What `evidenceBlock` wrote, read back. */
export function toEvidenceRow(stored: StoredEvidence): EvidenceRow {
  return {
    tenant: stored.tenant,
    id: stored.id,
    incident: stored.incident,
    kind: stored.kind,
    state: stored.incident === '' ? 'unfiled' : 'linked',
    occurredAtUnixNano: BigInt(stored.occurred),
    endedAtUnixNano: stored.ended === null ? null : BigInt(stored.ended),
    receivedAtUnixNano: BigInt(stored.received),
    outcome: stored.outcome,
    actor: {
      kind: stored.actor_kind,
      name: stored.actor_name,
      id: stored.actor_id,
      ...(stored.actor_on_behalf_of === null ? {} : { onBehalfOf: stored.actor_on_behalf_of }),
    },
    service: stored.service,
    environment: stored.environment,
    summary: stored.summary,
    tool: toTool(stored),
    model: toModel(stored),
    tokens:
      stored.has_tokens === 0 ? null : { input: toCount(stored.input_tokens), output: toCount(stored.output_tokens) },
    conversationId: stored.conversation_id,
    sessionId: stored.session_id,
    content: JSON.parse(stored.content) as Record<string, EvidenceContent>,
    redactions: JSON.parse(stored.redactions) as EvidenceRedaction[],
    link: toLink(stored),
    source: {
      traceId: stored.trace_id,
      spanId: stored.span_id,
      signal: stored.signal,
      alsoSeenAs: stored.also_seen_as,
    },
    sourceFamily: stored.source_family,
    trust: stored.trust,
    dialect: stored.dialect,
    namedRefs: stored.named_refs,
    facts: JSON.parse(stored.facts) as EvidenceRow['facts'],
    policyVersion: stored.policy_version,
    digest: stored.digest,
  };
}

function toTool(stored: StoredEvidence): EvidenceTool | null {
  if (stored.tool_name === null) return null;
  return {
    name: stored.tool_name,
    callId: stored.tool_call_id,
    type: stored.tool_type,
    mcpServer: stored.tool_mcp_server,
    tier: stored.tool_tier === '' ? 'unknown' : stored.tool_tier,
    tierRule: stored.tool_tier_rule,
  };
}

function toModel(stored: StoredEvidence): EvidenceModel | null {
  return stored.model_name === null ? null : { name: stored.model_name, provider: stored.model_provider };
}

function toLink(stored: StoredEvidence): EvidenceLink | null {
  return stored.link_mode === '' ? null : { mode: stored.link_mode, rule: stored.link_rule, score: stored.link_score };
}

function toCount(text: string | null): number | null {
  return text === null ? null : Number(text);
}
