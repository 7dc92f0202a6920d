import type { EvidenceContent, EvidenceKind, EvidenceLink } from '../record/evidence.ts';
import { nameOnRow, type Contents, type Contribution } from './contribution.ts';
import { TOOL_ROLES } from './recognised.ts';

/** Records that one act keeps. What more of them say is left out of its row, and counted. */
export const CONTRIBUTIONS_MAX = 200;
/** Identical calls that are counted one by one, so that one that is delivered again is not counted twice. */
export const FOLDED_MAX = 10_000;

/** One thing that was done, and everything that was said about it so far. */
export interface Act {
  readonly id: string;
  readonly tenant: string;
  /** Of the record that knows most; a record that only joins a span does not decide it. */
  kind: EvidenceKind;
  readonly contributions: Contribution[];
  /** Identities of identical calls counted into this act instead of getting a row each; few acts have any. */
  folded: Set<string> | undefined;
  /** What the store has: incident id (`''` unfiled) to the link it was written with. */
  filed: ReadonlyMap<string, EvidenceLink | null>;
  /** Acts that turned out to be this one; their rows, if written, must go. */
  absorbed: readonly Act[];
  /** Digest of the row as last written; `''` before that. */
  writtenDigest: string;
  /** What held for it by the spans above when the row was last written. */
  writtenUnder: Inherited;
  /** Something was said about it since then. */
  changed: boolean;
  /** Some of its content is in the store alone. */
  released: boolean;
  /** Characters of content in the contributions. */
  contentLength: number;
  /** Where the window's index has it; -1 where it does not. */
  place: number;
}

/** What holds for an act because of the spans it ran under. */
export interface Inherited {
  readonly agentName: string;
  readonly agentId: string;
  readonly conversationId: string;
  readonly sessionId: string;
  /** Those the nearest span names that names any, and those its resource does. */
  readonly refs: readonly string[];
  readonly resourceRefs: readonly string[];
}

/** Nothing, for the many acts whose own records say all. */
export const NOTHING_INHERITED: Inherited = {
  agentName: '',
  agentId: '',
  conversationId: '',
  sessionId: '',
  refs: [],
  resourceRefs: [],
};

const FILED_NOWHERE: Act['filed'] = new Map();
const FILED_UNDER_NONE: Act['filed'] = new Map([['', null]]);
const NO_ACTS: readonly Act[] = [];

/** Stands for content that is in the store alone. */
const RELEASED: EvidenceContent = { bytes: null, captured: true, digest: null, value: null };

export function createAct(id: string, contribution: Contribution): Act {
  return {
    id,
    tenant: contribution.tenant,
    kind: contribution.kind,
    contributions: [contribution],
    folded: undefined,
    filed: FILED_NOWHERE,
    absorbed: NO_ACTS,
    writtenDigest: '',
    writtenUnder: NOTHING_INHERITED,
    changed: true,
    released: false,
    contentLength: contentLengthOf(contribution),
    place: -1,
  };
}

/** Adds what a record says, or puts it in the place of what the same record said before. False when the act keeps no more records. */
export function addContribution(act: Act, contribution: Contribution): boolean {
  const at = act.contributions.findIndex((each) => each.identity === contribution.identity);
  const before = act.contributions[at];
  if (before === undefined && act.contributions.length >= CONTRIBUTIONS_MAX) return false;
  if (before === undefined) act.contributions.push(contribution);
  else act.contributions[at] = contribution;
  act.contentLength += contentLengthOf(contribution) - (before === undefined ? 0 : contentLengthOf(before));
  act.changed = true;
  if (!contribution.joinsSpan) act.kind = contribution.kind;
  return true;
}

function contentLengthOf({ content }: Contribution): number {
  let length = 0;
  for (const name in content) length += content[name]?.value?.length ?? 0;
  return length;
}

/** Counts an identical call into the act. */
export function fold(act: Act, identity: string): void {
  act.folded ??= new Set();
  act.folded.add(identity);
  act.changed = true;
}

/** The row was written as things stand, under these incidents. */
export function noteWritten(
  act: Act,
  digest: string,
  inherited: Inherited,
  links: ReadonlyMap<string, EvidenceLink>,
): void {
  act.writtenDigest = digest;
  act.filed = links.size === 0 ? FILED_UNDER_NONE : links;
  noteUnchanged(act, inherited);
}

/** The row that the store has is the row as things stand. */
export function noteUnchanged(act: Act, inherited: Inherited): void {
  act.writtenUnder = inherited;
  act.changed = false;
}

/** The store has a row of the act under this incident (`''` unfiled). */
export function noteFiled(act: Act, incident: string, link: EvidenceLink | null): void {
  act.filed = new Map([...act.filed, [incident, link]]);
}

/** True when nothing was said about the act, nor about the spans above it, since its row was written. */
export function isAsWritten(act: Act, now: Inherited): boolean {
  const then = act.writtenUnder;
  return (
    !act.changed &&
    (now === then ||
      (now.agentName === then.agentName &&
        now.agentId === then.agentId &&
        now.conversationId === then.conversationId &&
        now.sessionId === then.sessionId &&
        sameRefs(now.refs, then.refs) &&
        sameRefs(now.resourceRefs, then.resourceRefs)))
  );
}

/** True for the same refs in the same order. */
export function sameRefs(a: readonly string[], b: readonly string[]): boolean {
  return a === b || (a.length === b.length && a.every((ref, at) => ref === b[at]));
}

/** Lets go of the texts of an act whose row is in the store as things stand. */
export function releaseContent(act: Act): void {
  for (const contribution of act.contributions) {
    if (contentLengthOf(contribution) === 0) continue;
    const content: Record<string, EvidenceContent> = {};
    for (const [name, each] of Object.entries(contribution.content))
      content[name] = each.value === null ? each : RELEASED;
    contribution.content = content;
  }
  act.contentLength = 0;
  act.released = true;
}

/**
 * Takes back what `releaseContent` let go of, as the store has it: a row's content is that of the first contribution in rank that has a
 * text, so there it goes. What the store does not have any more (it was erased) stays captured without a text.
 */
export function takeBackContent(act: Act, stored: Contents | undefined): void {
  for (const [name, content] of Object.entries(stored ?? {})) {
    for (const each of ranked(act)) {
      // A row that was no call's yet has it under the name that was said.
      const said = Object.keys(each.content).find((key) => key === name || nameOnRow(act.kind, each, key) === name);
      if (said === undefined || each.content[said] !== RELEASED) continue;
      each.content = { ...each.content, [said]: content };
      break;
    }
  }
  act.released = false;
  recountContent(act);
}

/** After the content of contributions that the act shares with one it absorbed came back. */
export function recountContent(act: Act): void {
  act.contentLength = act.contributions.reduce((length, each) => length + contentLengthOf(each), 0);
}

/** Contributions, the one that knows most first; the order depends on what they say, never on when they came. */
export function ranked(act: Act): readonly Contribution[] {
  if (act.contributions.length === 1) return act.contributions;
  return act.contributions.toSorted(
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
  if (act.contributions.some((each) => each.identity === contribution.identity)) return true;
  const tool = contribution.tool;
  if (tool === null) return false;
  for (const other of act.contributions) {
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
