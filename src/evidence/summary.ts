import type {
  EvidenceContent,
  EvidenceKind,
  EvidenceRow,
  EvidenceModel,
  EvidenceOutcome,
  EvidenceTokens,
  EvidenceTool,
} from '../record/evidence.ts';
import { textOf } from '../otlp/semconv/loose-json.ts';
import { parsedJson, wellFormed } from './attribute.ts';

/** Longest summary, in UTF-16 units. */
export const SUMMARY_LENGTH_MAX = 300;
const ARGUMENT_LENGTH_MAX = 160;
const SPACE = 0x20;

export interface SummaryParts {
  readonly kind: EvidenceKind;
  readonly operation: string;
  readonly tool: EvidenceTool | null;
  readonly model: EvidenceModel | null;
  readonly tokens: EvidenceTokens | null;
  readonly agentName: string;
  readonly detail: string;
  readonly outcome: EvidenceOutcome;
  readonly content: Readonly<Record<string, EvidenceContent>>;
  /** Identical calls counted into this one, and whether there were more than are counted. */
  readonly repeats: number;
  readonly andMore: boolean;
}

/** What happened, in one line of redacted text. */
export function summaryOf(parts: SummaryParts): string {
  const words = [...subject(parts), parts.detail];
  if (parts.outcome !== 'ok' && parts.outcome !== 'unknown') words.push(`(${parts.outcome})`);
  if (parts.repeats > 0) words.push(`(and ${parts.repeats}${parts.andMore ? ' or' : ''} more identical calls)`);
  return oneLine(words.filter((word) => word !== '').join(' '), SUMMARY_LENGTH_MAX);
}

/**
 * The row's summary with other content in the place of its own. What the summary quotes cannot always be told from what
 * stands around it: then only kind and tool are left.
 */
export function summaryWith(row: EvidenceRow, content: Readonly<Record<string, EvidenceContent>>): string {
  let { summary } = row;
  for (const name of ['arguments', 'query', 'body']) {
    const before = quoted(name, row.content[name]);
    const after = quoted(name, content[name]);
    if (before === after || before === '') continue;
    if (!summary.includes(before)) return `${row.tool?.name || row.kind.replaceAll('_', ' ')} (content redacted again)`;
    summary = summary.replace(before, () => after);
  }
  return oneLine(summary, SUMMARY_LENGTH_MAX);
}

/** A piece of content as summaries quote it. */
function quoted(name: string, content: EvidenceContent | undefined): string {
  if (name !== 'body') return argumentsText(content);
  return content?.value === null || content === undefined ? '' : oneLine(content.value, SUMMARY_LENGTH_MAX);
}

function subject(parts: SummaryParts): readonly string[] {
  const { kind, operation, tool, model, tokens, agentName, content } = parts;
  switch (kind) {
    case 'tool_call': {
      const server = tool?.mcpServer ?? null;
      const asked = operation === 'request' ? 'asked for ' : '';
      return [
        `${asked}${tool?.name || operation}`,
        argumentsText(content['arguments']),
        server === null ? '' : `on ${server}`,
      ];
    }
    case 'model_call': {
      const used = tokens === null ? '' : `(${tokens.input ?? '?'} tokens in, ${tokens.output ?? '?'} out)`;
      return [operation, model?.name ?? '', used];
    }
    case 'agent_run':
      return [operation, agentName];
    case 'handoff':
      return agentName === '' ? ['handoff'] : ['handoff from', agentName];
    case 'retrieval':
      return [operation, argumentsText(content['query'])];
    case 'error':
    case 'log':
      return [operation, content['body']?.value ?? ''];
    default:
      return [operation, tool?.name ?? ''];
  }
}

/** Arguments as a reader scans them: the only value alone, otherwise `key=value` in their order. */
function argumentsText(content: EvidenceContent | undefined): string {
  if (content === undefined || !content.captured) return '';
  if (content.value === null) return `[withheld, ${content.bytes ?? '?'} bytes]`;
  const parsed = parsedJson(content.value);
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    return oneLine(content.value, ARGUMENT_LENGTH_MAX);
  }
  const entries = Object.entries(parsed);
  const text =
    entries.length === 1 ? scalar(entries[0]?.[1]) : entries.map(([key, value]) => `${key}=${scalar(value)}`).join(' ');
  return oneLine(text, ARGUMENT_LENGTH_MAX);
}

function scalar(value: unknown): string {
  return value === null ? 'null' : (textOf(value) ?? '…');
}

/** Printable ASCII with single spaces within: one line as it is. */
function isPlain(text: string): boolean {
  let before = SPACE;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit < SPACE || unit > 0x7e || (unit === SPACE && before === SPACE)) return false;
    before = unit;
  }
  return before !== SPACE || text === '';
}

/** Control characters, line breaks and bidirectional overrides become spaces; too long ends in an ellipsis. */
export function oneLine(text: string, lengthMax: number): string {
  if (text.length <= lengthMax && isPlain(text)) return text;
  const line = text
    .slice(0, lengthMax * 4)
    .replace(/[\p{Cc}\p{Zl}\p{Zp}\u202A-\u202E\u2066-\u2069]+/gu, ' ')
    .replace(/ {2,}/g, ' ')
    .trim();
  if (line.length <= lengthMax) return wellFormed(line);
  // Never ends within a surrogate pair.
  return `${wellFormed(line.slice(0, lengthMax - 1).replace(/[\uD800-\uDBFF]$/, ''))}…`;
}
