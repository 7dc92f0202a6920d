// Senders must write enums as integers (R32); names are understood all the same, as proto3 JSON writes them.

const numbered = (prefix: string, names: readonly string[]): [string, number][] =>
  names.map((name, value) => [prefix + name, value]);

const severities = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'].flatMap((level) => [
  level,
  `${level}2`,
  `${level}3`,
  `${level}4`,
]);

const VALUES_BY_FIELD: ReadonlyMap<string, ReadonlyMap<string, number>> = new Map([
  ['kind', new Map(numbered('SPAN_KIND_', ['UNSPECIFIED', 'INTERNAL', 'SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER']))],
  ['code', new Map(numbered('STATUS_CODE_', ['UNSET', 'OK', 'ERROR']))],
  ['severityNumber', new Map(numbered('SEVERITY_NUMBER_', ['UNSPECIFIED', ...severities]))],
  ['aggregationTemporality', new Map(numbered('AGGREGATION_TEMPORALITY_', ['UNSPECIFIED', 'DELTA', 'CUMULATIVE']))],
]);

/** The number of an enum value's name in the field of that JSON name, e.g. `SPAN_KIND_SERVER` in `kind`. */
export function enumValue(fieldName: string, valueName: string): number | undefined {
  return VALUES_BY_FIELD.get(fieldName)?.get(valueName);
}
