import { FROM, inBoth, ofServices } from './comparison.ts';

const ROWS_MAX = 200;
/** Patterns that are compared: the severest and most frequent ones. */
const PATTERNS_MAX = 20_000;
/** Only this much of a text is looked at, which bounds the work on long bodies. */
const TEXT_MAX = 600;

/**
 * The text as a template. What varies from one record to the next goes: what redaction left, ids, quoted values, numbers.
 * `text` is SQL.
 */
function patternOf(text: string): string {
  const replaced = [
    ['\\\\[(redacted|pseudonym|cut|withheld):([a-z0-9._-]*)[^\\\\]]{0,200}\\\\]', '<\\\\1 \\\\2>'],
    [
      '[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}|0x[0-9a-fA-F]+|[0-9a-fA-F]{16,}',
      '<id>',
    ],
    ['"[^"]{0,200}"', '<text>'],
    ['[0-9]+([.:,][0-9]+)*', '<n>'],
    ['[\\\\s\\\\p{Cc}]+', ' '],
  ].reduce((sql, [expression, by]) => `replaceRegexpAll(${sql}, '${expression}', '${by}')`, text);
  return `substringUTF8(trimBoth(${replaced}), 1, 300)`;
}

/**
 * Log patterns that appeared or multiplied. Regular expressions are ten times as dear as reading, so equal texts are
 * counted first, equal but for their digits, and made patterns after that. Texts with ids in them are hardly ever equal and are made patterns at once.
 */
export function logPatterns(services: readonly string[]): string {
  return `SELECT service, pattern, severity, toUInt8(severityNumber) AS severityNumber,
toUInt32(before) AS before, toUInt32(now) AS now,
toUInt32(sum(before) OVER (PARTITION BY service)) AS serviceBefore,
toUInt32(sum(now) OVER (PARTITION BY service)) AS serviceNow, traceId
FROM (
  SELECT service, if(isPattern, text, ${patternOf('text')}) AS pattern, (max(severest) AS mostSevere).2 AS severity,
  mostSevere.1 AS severityNumber, sum(recordsBefore) AS before, sum(records) AS now, minIf(trace, trace != '') AS traceId
  FROM (
    SELECT service, isPattern, if(isPattern, ${patternOf('head')}, translate(head, '123456789', '000000000')) AS text,
    max((SeverityNumber, SeverityText)) AS severest,
    countIf(Timestamp < ${FROM}) AS recordsBefore, countIf(Timestamp >= ${FROM}) AS records,
    minIf(TraceId, Timestamp >= ${FROM} AND TraceId != '') AS trace
    FROM (
      SELECT ServiceName AS service, substringUTF8(Body, 1, ${TEXT_MAX}) AS head,
      match(head, '[0-9a-fA-F]{16,}|0x[0-9a-fA-F]') AS isPattern, SeverityNumber, SeverityText, Timestamp, TraceId
      FROM otel_logs WHERE ${inBoth()} ${ofServices(services)} AND Body != '' AND NOT startsWith(Body, '[withheld:')
    )
    GROUP BY service, isPattern, text
  )
  GROUP BY service, pattern ORDER BY severityNumber DESC, now DESC, service, pattern LIMIT ${PATTERNS_MAX}
)
QUALIFY now > 0 AND (before = 0 OR now / serviceNow > 2 * before / greatest(serviceBefore, 1))
ORDER BY severityNumber >= 17 DESC, before = 0 DESC, severityNumber DESC, now DESC, service, pattern LIMIT ${ROWS_MAX}`;
}
