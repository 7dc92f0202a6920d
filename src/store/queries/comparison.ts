import type { Figures, SignalScope, Unfinished } from '../../record/service-signals.ts';
import type { Database } from '../database.ts';
import { EngineError } from '../engine-error.ts';
import { bindParameters, type SqlParameters } from '../literal.ts';

/** Engine time for one comparison, in seconds. */
export const SECONDS_MAX = 8;
/** ClickHouse codes of a statement that was given up for what it takes; anything else is the store's trouble. */
export const UNFINISHED: ReadonlyMap<number, Unfinished> = new Map([
  [159, 'took too long'], // TIMEOUT_EXCEEDED
  [160, 'took too long'], // TOO_SLOW
  [241, 'needed too much memory'], // MEMORY_LIMIT_EXCEEDED
]);

export const FROM = 'fromUnixTimestamp64Nano({from:Int64})';
export const TO = 'fromUnixTimestamp64Nano({to:Int64})';
export const BASELINE = 'fromUnixTimestamp64Nano({baseline:Int64})';
export const AS_OF = 'fromUnixTimestamp64Nano({asOf:Int64})';
/** Stands for the condition that a record is of the scope's environments, or says of none; for nothing when the scope names none. */
const OF_ENVIRONMENTS = '/* of the environments */';
const OF_TENANT = `Tenant = {tenant:String} AND ReceivedAt <= ${AS_OF}`;

/** Rows of baseline and window, and of the window alone, by the table's column of time. */
export function inBoth(time = 'Timestamp'): string {
  return `${OF_TENANT} AND ${time} >= ${BASELINE} AND ${time} < ${TO} ${OF_ENVIRONMENTS}`;
}

export function inWindow(time = 'Timestamp'): string {
  return `${OF_TENANT} AND ${time} >= ${FROM} AND ${time} < ${TO} ${OF_ENVIRONMENTS}`;
}

/** What limits rows to some services: a set that the tables' order finds, unlike a function of the name. None for all. */
export function ofServices(services: readonly string[]): string {
  return services.length === 0 ? '' : 'AND ServiceName IN {services:Array(String)}';
}

/** Values beside the scope's own that a statement has. */
type Others = SqlParameters & { readonly services: readonly string[] };

function parametersOf(sql: string, scope: SignalScope, others: Others): SqlParameters {
  const values: SqlParameters = {
    tenant: scope.tenant,
    baseline: scope.baselineFromUnixNano,
    from: scope.fromUnixNano,
    to: scope.toUnixNano,
    asOf: scope.asOfUnixNano,
    environments: [...scope.environments, ''],
    ...others,
  };
  return Object.fromEntries(Object.entries(values).filter(([name]) => sql.includes(`{${name}:`)));
}

/** Rows of one comparison over the scope, or why it did not finish. Throws EngineError for everything else. */
export async function compare<Row>(
  database: Database,
  statement: string,
  scope: SignalScope,
  others: Others,
): Promise<Figures<Row>> {
  const sql = statement.replaceAll(
    OF_ENVIRONMENTS,
    scope.environments.length === 0 ? '' : 'AND Environment IN {environments:Array(String)}',
  );
  const parameters = parametersOf(sql, scope, others);
  const query = bindParameters(sql, parameters);
  try {
    return { rows: await database.select<Row>(sql, parameters, SECONDS_MAX), query };
  } catch (error) {
    const unfinished = error instanceof EngineError && error.code !== null ? UNFINISHED.get(error.code) : undefined;
    if (unfinished === undefined) throw error;
    return { rows: [], query, unfinished };
  }
}
