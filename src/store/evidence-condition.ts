import type { BindingSelector, EvidenceFilter } from '../record/evidence-log.ts';
import type { SqlParameters, SqlValue } from './literal.ts';

/** What rows of `evidence` are chosen by: a part of a WHERE clause, and the values it names. */
export interface EvidenceCondition {
  readonly sql: string;
  readonly parameters: SqlParameters;
}

const WORDS_MAX = 16;
const INT64_MAX = 2n ** 63n - 1n;

/** All of the filter's conditions, each with ` AND ` before it; no SQL when there are none. */
export function filterCondition(filter: EvidenceFilter): EvidenceCondition {
  const parts: string[] = [];
  const parameters = new Map<string, SqlValue>();
  if (filter.kinds !== undefined && filter.kinds.length > 0) {
    parts.push('kind IN {kinds:Array(String)}');
    parameters.set('kinds', filter.kinds);
  }
  if (filter.actor !== undefined) {
    parts.push('actor_name = {actor:String}');
    parameters.set('actor', filter.actor);
  }
  if (filter.service !== undefined) {
    parts.push('service = {service:String}');
    parameters.set('service', filter.service);
  }
  if (filter.outcome !== undefined) {
    parts.push('outcome = {outcome:String}');
    parameters.set('outcome', filter.outcome);
  }
  const words = (filter.q ?? '').split(/\s+/).filter((word) => word !== '');
  words.slice(0, WORDS_MAX).forEach((word, index) => {
    // Content is stored as JSON, where quotes and backslashes are written with a backslash.
    parts.push(
      `(positionCaseInsensitiveUTF8(summary, {word${index}:String}) > 0 ` +
        `OR positionCaseInsensitiveUTF8(content, {escaped${index}:String}) > 0)`,
    );
    parameters.set(`word${index}`, word);
    parameters.set(`escaped${index}`, JSON.stringify(word).slice(1, -1));
  });
  if (filter.anyOf !== undefined) {
    parts.push(
      '(multiSearchAny(summary, {anyOf:Array(String)}) OR multiSearchAny(content, {anyEscaped:Array(String)}))',
    );
    parameters.set('anyOf', filter.anyOf);
    parameters.set(
      'anyEscaped',
      filter.anyOf.map((text) => JSON.stringify(text).slice(1, -1)),
    );
  }
  if (filter.fromUnixNano !== undefined) {
    parts.push('occurred_at >= fromUnixTimestamp64Nano({from:Int64})');
    parameters.set('from', filter.fromUnixNano);
  }
  if (filter.toUnixNano !== undefined) {
    parts.push('occurred_at < fromUnixTimestamp64Nano({to:Int64})');
    parameters.set('to', filter.toUnixNano);
  }
  return { sql: parts.map((part) => ` AND ${part}`).join(''), parameters: Object.fromEntries(parameters) };
}

/** Rows behind the cursor: older, or as old with a smaller id. Throws RangeError for what is none of ours. */
export function cursorCondition(cursor: string | undefined): EvidenceCondition {
  if (cursor === undefined) return { sql: '', parameters: {} };
  const [occurred, id] = decodeCursor(cursor);
  return {
    sql: ' AND (occurred_at, id) < (fromUnixTimestamp64Nano({cursorTime:Int64}), {cursorId:String})',
    parameters: { cursorTime: occurred, cursorId: id },
  };
}

/** Where a page ended: `next` of the page. */
export function encodeCursor(occurred: string, id: string): string {
  return Buffer.from(JSON.stringify([occurred, id]), 'utf8').toString('base64url');
}

function decodeCursor(cursor: string): [bigint, string] {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    if (Array.isArray(parsed) && typeof parsed[0] === 'string' && /^\d{1,19}$/.test(parsed[0])) {
      const occurred = BigInt(parsed[0]);
      if (occurred <= INT64_MAX && typeof parsed[1] === 'string') return [occurred, parsed[1]];
    }
  } catch {
    // Falls through: whatever it was, it is no cursor of ours.
  }
  throw new RangeError('cursor is not one this API gave out');
}

/** Rows that a binding takes in. */
export function selectorCondition(selector: BindingSelector): EvidenceCondition {
  switch (selector.kind) {
    case 'trace':
      return equals('trace_id', selector.traceId);
    case 'conversation':
      return equals('conversation_id', selector.conversationId);
    case 'session':
      return equals('session_id', selector.sessionId);
    case 'agent':
      return within(
        { sql: `actor_kind = 'agent' AND actor_name = {value:String}`, parameters: { value: selector.agent } },
        selector.fromUnixNano,
        selector.toUnixNano,
      );
    case 'service': {
      const service = equals('service', selector.service);
      const where =
        selector.environment === null
          ? service
          : {
              sql: `${service.sql} AND environment = {environment:String}`,
              parameters: { ...service.parameters, environment: selector.environment },
            };
      return within(where, selector.fromUnixNano, selector.toUnixNano);
    }
    default:
      return { sql: 'hasAny(named_refs, {refs:Array(String)})', parameters: { refs: selector.refs } };
  }
}

/** An empty key binds nothing: rows without a trace id are not all of one trace. */
function equals(column: string, value: string): EvidenceCondition {
  return { sql: `${column} = {value:String} AND ${column} != ''`, parameters: { value } };
}

function within(condition: EvidenceCondition, from: bigint | null, to: bigint | null): EvidenceCondition {
  const parts = [condition.sql];
  const parameters = new Map<string, SqlValue>(Object.entries(condition.parameters));
  if (from !== null) {
    parts.push('occurred_at >= fromUnixTimestamp64Nano({from:Int64})');
    parameters.set('from', from);
  }
  if (to !== null) {
    parts.push('occurred_at <= fromUnixTimestamp64Nano({to:Int64})');
    parameters.set('to', to);
  }
  return { sql: parts.join(' AND '), parameters: Object.fromEntries(parameters) };
}
