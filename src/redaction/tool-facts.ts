import { langChainArguments, langChainToolMessage } from '../otlp/semconv/langchain.ts';
import { parsedJson } from '../otlp/semconv/loose-json.ts';
import { messageArguments } from '../otlp/semconv/tool-parts.ts';
import type { CallFacts } from '../pipeline/facts.ts';
import { canonicalJson } from './canonical-json.ts';
import type { RecordContext } from './record-context.ts';
import type { ToolHint } from './tool-annotations.ts';
import { toolTier } from './tool-tier.ts';

const LISTED_MAX = 32;
const SHAPE_LENGTH_MAX = 256;
/** Longer texts are looked into this far for ids. */
const SEARCHED_LENGTH_MAX = 262_144;
const SHAPE_DEPTH_MAX = 4;

export interface ToolCall {
  /** What the record says of itself: that it is a tool's, which one, and what its annotations are. */
  readonly context: Pick<RecordContext, 'tool' | 'toolName' | 'hint'>;
  /** Original arguments and results, as text; more than one when a dialect repeats them under several keys. */
  readonly arguments: readonly string[];
  readonly results: readonly string[];
  /** What telemetry said of the tool's MCP annotations before. */
  readonly hintOf: (toolName: string) => ToolHint | undefined;
  /** The text without what detectors find in it: a key can look just like a trace id. */
  readonly scrub: (text: string) => string;
  /** Keyed digest of the canonical arguments. */
  readonly digest: (canonical: string) => string;
}

/** What later stages need to know of a tool call; undefined when the record describes none. */
export function toolFacts(call: ToolCall): CallFacts | undefined {
  const { context } = call;
  if (!context.tool && call.arguments.length === 0 && call.results.length === 0) return undefined;
  const own = call.arguments.map((each) => messageArguments(langChainArguments(each)));
  const [text] = own;
  const [result] = call.results;
  const parsed = text === undefined ? undefined : parseJson(text);
  const toolName = (result === undefined ? '' : langChainToolMessage(result)?.name) || context.toolName;
  const decided = toolTier(
    toolName,
    own.map((each, index) => (index === 0 ? parsed : parseJson(each)) ?? each),
    context.hint ?? call.hintOf(toolName),
  );
  const texts = [...call.arguments, ...call.results];
  const searched = texts.map((each) => each.slice(0, SEARCHED_LENGTH_MAX));
  const traceIds = new Set<string>();
  for (const [index, each] of texts.entries()) {
    // Few texts have such ids: only those are scrubbed for it.
    if (hasTraceId(searched[index] ?? '')) addTraceIds(call.scrub(each).slice(0, SEARCHED_LENGTH_MAX), traceIds);
  }
  const incidentRefs = incidentRefsIn(searched);
  return {
    tier: decided.tier,
    tierRule: decided.rule,
    ...(decided.verb !== undefined && { verb: decided.verb }),
    ...(text !== undefined && {
      argumentsDigest: call.digest(canonicalArguments(text, parsed)),
      argumentsBytes: Buffer.byteLength(text),
      argumentsShape: shapeOf(parsed),
    }),
    ...(result !== undefined && { resultBytes: Buffer.byteLength(result) }),
    ...(traceIds.size > 0 && { traceIds: [...traceIds] }),
    ...(incidentRefs.length > 0 && { incidentRefs }),
  };
}

function parseJson(text: string): unknown {
  if (text.length > SEARCHED_LENGTH_MAX || !/^\s*[[{]/.test(text)) return undefined;
  return parsedJson(text);
}

/** RFC 8785 of arguments that are JSON, the text itself of any other: the same call gives the same digest in every dialect. */
function canonicalArguments(text: string, parsed: unknown): string {
  if (parsed === undefined) return text;
  try {
    return canonicalJson(parsed, text);
  } catch {
    // Lone surrogates have no canonical form.
    return text;
  }
}

const TRACE_ID_LENGTH = 32;

function hasTraceId(text: string): boolean {
  return nextTraceId(text, 0) >= 0;
}

/** Adds the trace ids of a text, in lower case, until there are as many as are listed. */
function addTraceIds(text: string, found: Set<string>): void {
  for (
    let at = nextTraceId(text, 0);
    at >= 0 && found.size < LISTED_MAX;
    at = nextTraceId(text, at + TRACE_ID_LENGTH)
  ) {
    found.add(text.slice(at, at + TRACE_ID_LENGTH).toLowerCase());
  }
}

/**
 * Where the next run of exactly 32 hexadecimal characters begins that are not all zero; -1 when there is none. Reads 32 characters from
 * their last: one that is not hexadecimal rules all of them out before it, so most are never read.
 */
function nextTraceId(text: string, from: number): number {
  for (let start = from; start + TRACE_ID_LENGTH <= text.length;) {
    let at = start + TRACE_ID_LENGTH - 1;
    while (at >= start && isHex(text.charCodeAt(at))) at -= 1;
    if (at >= start) {
      start = at + 1;
      continue;
    }
    let end = start + TRACE_ID_LENGTH;
    while (end < text.length && isHex(text.charCodeAt(end))) end += 1;
    if (end - start === TRACE_ID_LENGTH && !/^0+$/.test(text.slice(start, end))) return start;
    start = end + 1;
  }
  return -1;
}

function isHex(code: number): boolean {
  const folded = code | 0x20;
  return (code >= 0x30 && code <= 0x39) || (folded >= 0x61 && folded <= 0x66);
}

function incidentRefsIn(texts: readonly string[]): string[] {
  const found = new Set<string>();
  for (const text of texts) {
    if (!text.includes('INC-')) continue;
    for (const [match] of text.matchAll(/\bINC-\d{1,12}\b/g)) {
      found.add(match);
      if (found.size >= LISTED_MAX) return [...found];
    }
  }
  return [...found];
}

/** Sorted key paths without values; names that do not look like names are masked, since keys can be content too. */
function shapeOf(parsed: unknown): string {
  const paths = new Set<string>();
  const open: { value: unknown; path: string; depth: number }[] = [{ value: parsed, path: '', depth: 0 }];
  for (let next = open.pop(); next !== undefined && paths.size < LISTED_MAX; next = open.pop()) {
    const { value, path, depth } = next;
    if (typeof value !== 'object' || value === null || Array.isArray(value) || depth >= SHAPE_DEPTH_MAX) {
      if (path !== '') paths.add(Array.isArray(value) ? `${path}[]` : path);
      continue;
    }
    for (const [key, member] of Object.entries(value)) {
      const name = /^[A-Za-z_][\w-]{0,39}$/.test(key) && !/\d{4}/.test(key) ? key : '*';
      open.push({ value: member, path: path === '' ? name : `${path}.${name}`, depth: depth + 1 });
    }
  }
  const shape = [...paths].sort().join(',');
  return shape.length <= SHAPE_LENGTH_MAX ? shape : `${shape.slice(0, SHAPE_LENGTH_MAX - 1)}…`;
}
