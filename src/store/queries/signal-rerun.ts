import type { SignalAgain, SignalRerun } from '../../record/signal-rerun.ts';
import type { Database } from '../database.ts';
import { EngineError } from '../engine-error.ts';
import { stringLiteral } from '../literal.ts';
import { SECONDS_MAX, UNFINISHED } from './comparison.ts';

const ROWS_MAX = 100;

/** `database` reads in the background: a comparison takes seconds, and no page waits for it. */
export function createSignalRerun(database: Database): SignalRerun {
  let isAsking = false;
  return {
    async again(tenant, query): Promise<SignalAgain> {
      // Every comparison names its tenant as a literal. What does not, a policy that redacts SQL has been at.
      if (!query.includes(`Tenant = ${stringLiteral(tenant)}`)) return { kind: 'answered', rows: [], more: false };
      if (isAsking) return { kind: 'busy' };
      isAsking = true;
      try {
        const sql = `SELECT * FROM (\n${query}\n) LIMIT ${ROWS_MAX + 1}`;
        const rows = await database.select<Record<string, unknown>>(sql, {}, SECONDS_MAX);
        return { kind: 'answered', rows: rows.slice(0, ROWS_MAX), more: rows.length > ROWS_MAX };
      } catch (error) {
        const reason = error instanceof EngineError && error.code !== null ? UNFINISHED.get(error.code) : undefined;
        if (reason === undefined) throw error;
        return { kind: 'unfinished', reason };
      } finally {
        isAsking = false;
      }
    },
  };
}
