import { hash } from 'node:crypto';
import type { Actor } from '../record/actor.ts';
import type {
  EvidenceContent,
  EvidenceKind,
  EvidenceOutcome,
  EvidenceRedaction,
  EvidenceRow,
  EvidenceTool,
  EvidenceTrust,
} from '../record/evidence.ts';
import { FOLDED_MAX, ranked, type Act, type Inherited } from './act.ts';
import { canonicalRow, type CanonicalRow } from './canonical-row.ts';
import { NOT_CAPTURED } from './content.ts';
import { nameOnRow, type Contribution } from './contribution.ts';
import type { RowContents } from './row-contents.ts';
import { summaryOf } from './summary.ts';

/** Redactions and span ids listed on one row. */
const REDACTIONS_MAX = 100;
const SEEN_AS_MAX = 1_000;

/** Content names a row of this kind always has, captured or not. */
const EXPECTED_CONTENT: ReadonlyMap<EvidenceKind, readonly string[]> = new Map([
  ['tool_call', ['arguments', 'result']],
  ['model_call', ['input', 'output']],
  ['retrieval', ['query', 'documents']],
] as const);

/** The row of an act, still without incident, link and state; `namedRefs` are all refs it names. `contents` takes its content. */
export function rowOf(act: Act, inherited: Inherited, contents?: RowContents): EvidenceRow {
  const all = ranked(act);
  const [primary] = all;
  if (primary === undefined) throw new Error('an act without contributions has no row');
  const tool = toolOf(all);
  const content = contentOf(act.kind, all);
  const service = pick(all, (each) => each.service);
  const agentName = pick(all, (each) => each.agentName) || inherited.agentName;
  const outcome = outcomeOf(all);
  const model = pickObject(all, (each) => each.model);
  const tokens = pickObject(all, (each) => each.tokens);
  // In the order of the canonical form, which then need not sort.
  const row: Digestible<EvidenceRow> = {
    actor: actorOf(act.kind, agentName, pick(all, (each) => each.agentId) || inherited.agentId, service),
    content,
    conversationId: pick(all, (each) => each.conversationId) || inherited.conversationId,
    dialect: primary.dialect,
    digest: '',
    endedAtUnixNano: all.find((each) => each.endUnixNano !== null)?.endUnixNano ?? null,
    environment: pick(all, (each) => each.environment),
    facts: factsOf(act, all),
    id: act.id,
    incident: '',
    kind: act.kind,
    link: null,
    model,
    namedRefs: namedRefs(all, inherited),
    occurredAtUnixNano: primary.startUnixNano,
    outcome,
    policyVersion: policyOf(all),
    receivedAtUnixNano: lastReceived(all),
    redactions: redactionsOf(all),
    service,
    sessionId: pick(all, (each) => each.sessionId) || inherited.sessionId,
    source: {
      alsoSeenAs: alsoSeenAs(act, primary, all),
      signal: primary.signal,
      spanId: primary.spanId || pick(all, (each) => each.spanId),
      traceId: primary.traceId || pick(all, (each) => each.traceId),
    },
    sourceFamily: sourceFamily(act.kind, primary, tool),
    state: 'unfiled',
    summary: summaryOf({
      kind: act.kind,
      operation: primary.operation,
      tool,
      model,
      tokens,
      agentName,
      detail: pick(all, (each) => each.detail),
      outcome,
      content,
      repeats: act.folded?.size ?? 0,
      andMore: (act.folded?.size ?? 0) >= FOLDED_MAX,
    }),
    tenant: act.tenant,
    tokens,
    tool,
    trust: trustOf(act.kind, all),
  };
  const canonical = canonicalRow(row, NOT_IN_DIGEST);
  row.digest = digestOf(canonical);
  contents?.take(canonical);
  return row;
}

const NO_SPANS: readonly string[] = [];

/** Ids of the other spans that told of the act. */
function alsoSeenAs(act: Act, primary: Contribution, all: readonly Contribution[]): readonly string[] {
  // Most acts are told of once.
  if (all.length === 1 && primary.alsoSeenAs.length === 0 && act.folded === undefined) return NO_SPANS;
  const seenAs = new Set(all.map((each) => each.spanId).filter((id) => id !== '' && id !== primary.spanId));
  for (const spanId of all.flatMap((each) => each.alsoSeenAs)) {
    if (spanId !== primary.spanId && seenAs.size < SEEN_AS_MAX) seenAs.add(spanId);
  }
  for (const identity of act.folded ?? []) {
    if (seenAs.size >= SEEN_AS_MAX) break;
    const spanId = identity.split(' ')[2];
    if (identity.startsWith('span ') && spanId !== undefined) seenAs.add(spanId);
  }
  return [...seenAs].sort();
}

function lastReceived(all: readonly Contribution[]): bigint {
  let latest = 0n;
  for (const { receivedAtUnixNano } of all) if (receivedAtUnixNano > latest) latest = receivedAtUnixNano;
  return latest;
}

/** The policy that let in what was heard first: with another one in force, the row holds what that one has not seen. */
function policyOf([first, ...more]: readonly Contribution[]): string {
  let earliest = first;
  for (const each of more) {
    if (earliest === undefined || each.receivedAtUnixNano < earliest.receivedAtUnixNano) earliest = each;
  }
  return earliest?.policyVersion ?? '';
}

/** The refs of the most specific place that names any: the records, the spans above them, their resources. */
function namedRefs(all: readonly Contribution[], inherited: Inherited): readonly string[] {
  const own = union(all, (each) => each.refs);
  if (own.length > 0) return own;
  if (inherited.refs.length > 0) return inherited.refs;
  const resource = union(all, (each) => each.resourceRefs);
  return resource.length > 0 ? resource : inherited.resourceRefs;
}

/** What they say, each once. */
function union(
  all: readonly Contribution[],
  of: (each: Contribution) => readonly string[] | undefined,
): readonly string[] {
  const [first, ...more] = all;
  if (first !== undefined && more.length === 0) return of(first) ?? [];
  return [...new Set(all.flatMap((each) => of(each) ?? []))];
}

type Digestible<Row> = { -readonly [Key in keyof Row]: Row[Key] };

const NOT_IN_DIGEST: ReadonlySet<string> = new Set(['digest', 'link', 'state', 'incident']);

/** SHA-256 hex over the canonical JSON of a row without digest, link, state and incident; its times as decimal text. */
export function rowDigest(row: Omit<EvidenceRow, 'digest' | 'link' | 'state' | 'incident'>): string {
  return digestOf(canonicalRow(row, NOT_IN_DIGEST));
}

function digestOf({ bytes, length }: CanonicalRow): string {
  return hash('sha256', bytes.subarray(0, length), 'hex');
}

function pick(all: readonly Contribution[], of: (each: Contribution) => string): string {
  for (const each of all) {
    const value = of(each);
    if (value !== '') return value;
  }
  return '';
}

function pickObject<T>(all: readonly Contribution[], of: (each: Contribution) => T | null): T | null {
  for (const each of all) {
    const value = of(each);
    if (value !== null) return value;
  }
  return null;
}

const TIER_DANGER = ['unknown', 'read', 'write_record', 'mutate'] as const;

/** Name, type and server from whoever knows; the tier is the most dangerous one any record of the call showed. */
function toolOf(all: readonly Contribution[]): EvidenceTool | null {
  if (all.every((each) => each.tool === null)) return null;
  let tier: EvidenceTool['tier'] = 'unknown';
  let tierRule: string | null = null;
  for (const { facts } of all) {
    const found = facts?.tier;
    if (found === undefined) continue;
    if (tierRule === null || TIER_DANGER.indexOf(found) > TIER_DANGER.indexOf(tier)) {
      tier = found;
      tierRule = facts?.tierRule ?? null;
    }
  }
  return {
    callId: pick(all, (each) => each.tool?.callId ?? '') || null,
    mcpServer: pick(all, (each) => each.tool?.mcpServer ?? '') || null,
    name: pick(all, (each) => each.tool?.name ?? ''),
    tier,
    tierRule,
    type: pick(all, (each) => each.tool?.type ?? '') || null,
  };
}

const OUTCOMES_STRONGEST_FIRST: readonly EvidenceOutcome[] = ['denied', 'timeout', 'error', 'ok'];

function outcomeOf(all: readonly Contribution[]): EvidenceOutcome {
  return OUTCOMES_STRONGEST_FIRST.find((outcome) => all.some((each) => each.outcome === outcome)) ?? 'unknown';
}

function actorOf(kind: EvidenceKind, agentName: string, agentId: string, service: string): Actor {
  const name = agentName || service || 'unknown';
  if (kind === 'error' || kind === 'log') return { id: null, kind: 'service', name: service || 'unknown' };
  if (kind === 'alert') return { id: null, kind: 'service', name };
  return { id: agentId || null, kind: 'agent', name };
}

/** Each content from the best record that has its text, else from one that at least had it. */
function contentOf(kind: EvidenceKind, all: readonly Contribution[]): Readonly<Record<string, EvidenceContent>> {
  const content: Record<string, EvidenceContent> = {};
  for (const name of EXPECTED_CONTENT.get(kind) ?? []) content[name] = NOT_CAPTURED;
  for (const each of all) {
    for (const said in each.content) {
      const value = each.content[said];
      if (value === undefined) continue;
      const name = nameOnRow(kind, each, said);
      const known = content[name];
      if (known === undefined || !known.captured || (known.value === null && value.value !== null)) {
        content[name] = value;
      }
    }
  }
  const facts = all.find((each) => each.facts?.argumentsDigest !== undefined)?.facts;
  const resultFacts = all.find((each) => each.facts?.resultBytes !== undefined)?.facts;
  const args = content['arguments'];
  if (args?.captured === true && facts !== undefined) {
    content['arguments'] = {
      ...args,
      bytes: facts.argumentsBytes ?? args.bytes,
      digest: facts.argumentsDigest ?? args.digest,
    };
  }
  const result = content['result'];
  if (result?.captured === true && resultFacts !== undefined) {
    content['result'] = { ...result, bytes: resultFacts.resultBytes ?? result.bytes };
  }
  return content;
}

function redactionsOf(all: readonly Contribution[]): readonly EvidenceRedaction[] {
  const [first] = all;
  if (all.length === 1 && first !== undefined && first.redactions.length <= 1) return first.redactions;
  const redactions: EvidenceRedaction[] = [];
  const seen = new Set<string>();
  for (const each of all) {
    for (const redaction of each.redactions) {
      const key = `${redaction.path} ${redaction.rule} ${redaction.fingerprint}`;
      if (seen.has(key) || redactions.length >= REDACTIONS_MAX) continue;
      seen.add(key);
      redactions.push(redaction);
    }
  }
  return redactions;
}

/** Rows of one family come from the same place and the same kind of question; independent support is counted by it. */
function sourceFamily(kind: EvidenceKind, primary: Contribution, tool: EvidenceTool | null): string {
  if (tool !== null) {
    const verb = primary.facts?.verb;
    return `tool:${tool.mcpServer === null ? '' : `${tool.mcpServer}/`}${tool.name}${verb === undefined ? '' : `:${verb}`}`;
  }
  if (kind === 'model_call') return `model:${primary.model?.name ?? ''}`;
  if (kind === 'error' || kind === 'log') return `${primary.signal}:${primary.service}`;
  if (kind === 'alert') return `${primary.signal}:alert:${primary.detail}`;
  return `agent:${kind}`;
}

/** An agent reports on itself, unless another service's span of the same call confirms it. Services' failures are observed. */
function trustOf(kind: EvidenceKind, all: readonly Contribution[]): EvidenceTrust {
  if (kind === 'error' || kind === 'log' || kind === 'alert') return 'observed';
  const server = all.find((each) => each.tool?.role === 'mcp_server');
  return server !== undefined && all.some((each) => each.service !== server.service) ? 'observed' : 'self_reported';
}

function factsOf(act: Act, all: readonly Contribution[]): Readonly<Record<string, string | readonly string[]>> {
  const facts: Record<string, string | readonly string[]> = {};
  const shape = pick(all, (each) => each.facts?.argumentsShape ?? '');
  if (shape !== '') facts['argumentsShape'] = shape;
  const incidentRefs = union(all, (each) => each.facts?.incidentRefs);
  if (incidentRefs.length > 0) facts['incidentRefs'] = incidentRefs;
  const traceIds = union(all, (each) => each.facts?.traceIds);
  if (traceIds.length > 0) facts['traceIds'] = traceIds;
  const verb = pick(all, (each) => each.facts?.verb ?? '');
  if (verb !== '') facts['verb'] = verb;
  for (const each of all) {
    for (const [name, pointer] of each.references) facts[`${name}Reference`] ??= pointer;
  }
  if (act.folded !== undefined) facts['identicalCalls'] = String(act.folded.size);
  return facts;
}
