import type { EvidenceKind, EvidenceLink } from '../record/evidence.ts';
import type { Contribution } from './contribution.ts';
import { TOOL_ROLES } from './recognised.ts';

/** Records that one act keeps; an act that more report (a flood of identical calls) only counts them. */
const CONTRIBUTIONS_MAX = 200;

/** One thing that was done, and everything that was said about it so far. */
export interface Act {
  readonly id: string;
  readonly tenant: string;
  /** Of the record that knows most; a record that only joins a span does not decide it. */
  kind: EvidenceKind;
  readonly contributions: Map<string, Contribution>;
  /** Identities of identical calls counted into this act instead of getting a row each; few acts have any. */
  folded: Set<string> | undefined;
  /** What the store has: incident id (`''` unfiled) to the link it was written with. */
  readonly filed: Map<string, EvidenceLink | null>;
  /** Acts that turned out to be this one; their rows, if written, must go. */
  absorbed: Act[];
  /** Digest of the row as last written; `''` before that. */
  writtenDigest: string;
  /** Keys under which the window finds this act. */
  readonly keys: string[];
  /** Characters of content in the contributions. */
  contentLength: number;
}

export function createAct(id: string, contribution: Contribution): Act {
  return {
    id,
    tenant: contribution.tenant,
    kind: contribution.kind,
    contributions: new Map([[contribution.identity, contribution]]),
    folded: undefined,
    filed: new Map(),
    absorbed: [],
    writtenDigest: '',
    keys: [],
    contentLength: contentLengthOf(contribution),
  };
}

export function addContribution(act: Act, contribution: Contribution): void {
  if (act.contributions.has(contribution.identity) || act.contributions.size < CONTRIBUTIONS_MAX) {
    const before = act.contributions.get(contribution.identity);
    act.contributions.set(contribution.identity, contribution);
    act.contentLength += contentLengthOf(contribution) - (before === undefined ? 0 : contentLengthOf(before));
    if (!contribution.joinsSpan) act.kind = contribution.kind;
  }
}

function contentLengthOf({ content }: Contribution): number {
  let length = 0;
  for (const { value } of content.values()) length += value?.length ?? 0;
  return length;
}

/** Counts an identical call into the act. */
export function fold(act: Act, identity: string): void {
  act.folded ??= new Set();
  act.folded.add(identity);
}

/** Contributions, the one that knows most first; the order depends on what they say, never on when they came. */
export function ranked(act: Act): readonly Contribution[] {
  return [...act.contributions.values()].sort(
    (a, b) =>
      rank(a) - rank(b) ||
      compare(a.startUnixNano, b.startUnixNano) ||
      // Of spans that start together the longer one is outermost.
      compare(b.endUnixNano ?? 0n, a.endUnixNano ?? 0n) ||
      (a.identity < b.identity ? -1 : 1),
  );
}

function rank(contribution: Contribution): number {
  if (contribution.joinsSpan) return TOOL_ROLES.length;
  if (contribution.tool !== null) return TOOL_ROLES.indexOf(contribution.tool.role);
  return contribution.signal === 'traces' ? 0 : 1;
}

function compare(a: bigint, b: bigint): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** Same tool, also when one side writes it with its MCP server or its plugin in front. */
export function sameTool(a: string, b: string): boolean {
  if (a === b || a === '' || b === '') return true;
  const [long, short] = a.length > b.length ? [a, b] : [b, a];
  return long.endsWith(short) && /[_\-./:]/.test(long.charAt(long.length - short.length - 1));
}

/**
 * True when `contribution` may be about this tool call, given that a call id or the span tree already suggests it. Two
 * executions that do not overlap in time are two attempts; two different call ids are two calls.
 */
export function mayJoin(act: Act, contribution: Contribution, by: 'call_id' | 'tree'): boolean {
  if (act.contributions.has(contribution.identity)) return true;
  const tool = contribution.tool;
  if (tool === null) return false;
  for (const other of act.contributions.values()) {
    if (other.tool === null) continue;
    if (other.tool.callId !== '' && tool.callId !== '' && other.tool.callId !== tool.callId) return false;
    if (!sameTool(other.tool.name, tool.name)) return false;
    if (other.tool.role !== 'execute' || tool.role !== 'execute') continue;
    if (by === 'tree' && other.dialect === contribution.dialect && tool.callId === '') return false;
    if (by === 'call_id' && !overlaps(other, contribution) && !related(other, contribution)) return false;
  }
  return true;
}

function related(a: Contribution, b: Contribution): boolean {
  return a.parentSpanId === b.spanId || b.parentSpanId === a.spanId;
}

export function overlaps(a: Contribution, b: Contribution): boolean {
  const aEnd = a.endUnixNano ?? a.startUnixNano;
  const bEnd = b.endUnixNano ?? b.startUnixNano;
  return a.startUnixNano <= bEnd && b.startUnixNano <= aEnd;
}
