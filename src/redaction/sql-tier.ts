import type { TierDecision } from './tier-decision.ts';

const SQL_READ =
  /^\s*(?:\(|\s|--[^\n]*\n|\/\*[\s\S]{0,1000}?\*\/)*(?:select|show|describe|desc|explain|values|with|use|pragma)\b/i;
const SQL_MUTATE =
  /\b(?:insert\s+into|update\s+[\w."`]+\s+set|delete\s+from|drop\s+\w|truncate\s+\w|alter\s+\w|create\s+\w|grant\s+\w|revoke\s+\w|merge\s+into|replace\s+into|vacuum|reindex|kill\s+\w|set\s+global|call\s+\w|into\s+outfile|optimize\s+table|explain\s+analyze\s+(?:insert|update|delete))/i;
const SQL_START =
  /^\s*(?:select|show|describe|explain|with|insert|update|delete|drop|truncate|alter|create|grant|revoke|merge|replace|vacuum|call)\b/i;

/** Whether a text begins as a statement of SQL does. */
export function isSql(text: string): boolean {
  return SQL_START.test(text);
}

/** The tier of SQL text: reading statements read, everything that is not plainly one of them mutates. */
export function sqlTier(sql: string): TierDecision {
  const plain = sql.replaceAll(/'(?:[^'\\]|\\.|'')*'/g, "''");
  const verb = /[a-z]+/i.exec(plain)?.[0].toLowerCase();
  const known = verb !== undefined && SQL_START.test(verb) ? verb : undefined;
  if (SQL_MUTATE.test(plain)) return { tier: 'mutate', rule: 'sql', verb: known };
  if (SQL_READ.test(plain)) return { tier: 'read', rule: 'sql', verb: known };
  return { tier: 'mutate', rule: 'sql', verb: known };
}
