import { farthest, type TierDecision } from './tier-decision.ts';

const SQL_START =
  /^\s*(?:select|show|describe|desc|explain|with|insert|update|delete|drop|truncate|alter|create|grant|revoke|merge|replace|vacuum|call|copy|optimize|reindex|pragma)\b/i;
/** Statements that ask, and those that say how the session's next ones run. */
const READS = /^(?:show|describe|desc|exists|use|pragma|set|reset|begin|start|commit|end|rollback|explain|table)$/;
const ASKS = /^(?:select|with|values)$/;
/** What changes something inside a statement that begins as a question does. */
const WRITES =
  /\b(?:insert\s+into|update\s+(?:only\s+)?[\w.]+(?:\s+(?:as\s+)?\w+)?\s+set|delete\s+from|merge\s+into|into\s+(?:outfile|dumpfile)|into\s+(?:temp(?:orary)?\s+|unlogged\s+)?(?:table\s+)?[\w.]+\s+from)\b/i;
/** Functions by which a question changes how a server runs, or hands on statements that are not seen. */
const ACTS =
  /\b(?:pg_(?:terminate_backend|cancel_backend|reload_conf|promote|switch_wal|rotate_logfile|(?:drop|create_\w+|advance)_replication_slot|replication_slot_advance|create_restore_point|wal_replay_(?:pause|resume)|stat_reset\w*|(?:backup_)?st(?:art|op)(?:_backup)?|backup_st(?:art|op)|file_write|(?:try_)?advisory_\w+)|nextval|setval|set_config|lo_(?:unlink|import|export|create|put)|dblink\w*|sys_exec|sys_eval|get_lock|release_lock)\s*\(/i;
/** Commands of psql and mysql behind a question: they run its answer, a file or a shell. */
const CLIENT_COMMAND = /\\(?:gexec|gset|!|ir?\b|o\b|w\b|copy|e\b|g\s*[|/])/;

/** Whether a text begins as a statement of SQL does. */
export function isSql(text: string): boolean {
  return SQL_START.test(withoutText(text.slice(0, 4_096)));
}

/** The tier of SQL text: of each statement, the farthest-reaching. What is not plainly a question mutates. */
export function sqlTier(sql: string): TierDecision {
  const statements = withoutText(sql)
    .split(';')
    .map((each) => each.replace(/^[\s(]+/, '').trimEnd())
    .filter((each) => each !== '');
  return statements.length === 0
    ? { tier: 'unknown', rule: 'sql', verb: undefined }
    : farthest(statements.map(statementTier));
}

function statementTier(statement: string): TierDecision {
  // A client's own commands: `\d` describes, `\!` and `\i` run what is not seen.
  if (statement.startsWith('\\')) {
    return {
      tier: /^\\(?:[dlzx?]|timing|conninfo|pset)/.test(statement) ? 'read' : 'unknown',
      rule: 'sql',
      verb: undefined,
    };
  }
  const word = /^[a-z]+/i.exec(statement)?.[0].toLowerCase() ?? '';
  const verb = SQL_START.test(word) ? word : undefined;
  const mutate: TierDecision = { tier: 'mutate', rule: 'sql', verb };
  const read: TierDecision = { tier: 'read', rule: 'sql', verb };
  if (ASKS.test(word) && CLIENT_COMMAND.test(statement)) return { tier: 'unknown', rule: 'sql', verb };
  // Out to the client, not in.
  if (/^copy\b.*\bto\s+stdout\b/is.test(statement) && !WRITES.test(statement)) return read;
  if (
    word === 'pragma' &&
    /[=(]/.test(statement) &&
    !/^pragma\s+(?:\w+\.)?(?:table_\w+|index_\w+|integrity_check|quick_check|foreign_key_\w+)\s*\(/i.test(statement)
  )
    return mutate;
  if (ASKS.test(word)) return WRITES.test(statement) || ACTS.test(statement) ? mutate : read;
  if (!READS.test(word) || /^set\s+(?:global|persist)\b/i.test(statement)) return mutate;
  // A plan is only made, unless its statement is run to measure it.
  const runs = word === 'explain' && /^explain\s+(?:\([^)]*\banalyze\b|analyze\b)/i.test(statement);
  return runs && /\b(?:insert|update|delete|merge|create)\b/i.test(statement) ? mutate : read;
}

const DOLLAR_QUOTE = /\$\w{0,32}\$/y;
const BRACKETED_NAME = /\[[\w ]{1,128}\]/y;

/**
 * SQL without its texts and comments, white space as one space; a quoted name is the word `x`. Walks once over the text: what is
 * opened and never closed takes the rest with it.
 */
function withoutText(sql: string): string {
  let plain = '';
  let spaced = false;
  let at = 0;
  while (at < sql.length) {
    const character = sql.charAt(at);
    if (character === "'") {
      at = afterText(sql, at);
      plain += "''";
    } else if (character === '"' || character === '`') {
      at = after(sql, character, at + 1);
      plain += 'x';
    } else if (character === '$' || character === '[') {
      const quote = matchAt(character === '$' ? DOLLAR_QUOTE : BRACKETED_NAME, sql, at);
      if (quote === '') plain += character;
      else plain += character === '$' ? "''" : 'x';
      at += quote.length || 1;
      if (character === '$' && quote !== '') at = after(sql, quote, at);
    } else if (sql.startsWith('--', at)) {
      at = after(sql, '\n', at);
      plain += ' ';
    } else if (sql.startsWith('/*', at)) {
      at = after(sql, '*/', at + 2);
      plain += ' ';
    } else {
      const isSpace = character <= ' ';
      if (!isSpace) plain += character;
      else if (!spaced) plain += ' ';
      spaced = isSpace;
      at += 1;
      continue;
    }
    spaced = false;
  }
  return plain;
}

function matchAt(pattern: RegExp, text: string, at: number): string {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? '';
}

/** The offset after the next `closing`, or the end. */
function after(text: string, closing: string, from: number): number {
  const found = text.indexOf(closing, from);
  return found === -1 ? text.length : found + closing.length;
}

/** The offset after the text in single quotes that starts at one. */
function afterText(sql: string, start: number): number {
  let at = start + 1;
  while (at < sql.length) {
    const character = sql.charAt(at);
    if (character === '\\') at += 2;
    else if (character !== "'") at += 1;
    else if (sql.charAt(at + 1) === "'") at += 2;
    else return at + 1;
  }
  return sql.length;
}
