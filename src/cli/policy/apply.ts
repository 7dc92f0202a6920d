import { setTimeout as wait } from 'node:timers/promises';
import { ApiError, type ApiClient, type PolicyApplication } from '../../api/client.ts';
import { EXIT, UsageError } from '../exit-code.ts';
import { columns, type Terminal } from '../terminal.ts';

export interface ApplyOptions {
  readonly client: ApiClient;
  readonly terminal: Terminal;
  readonly json: boolean;
  /** RFC 3339, a date, or how long ago: `30d`, `12h`, `all`. */
  readonly since: string;
  /** Look at the latest one instead of starting one. */
  readonly status: boolean;
  readonly clock?: () => number;
}

const LOOK_EVERY_MS = 500;
const UNITS: ReadonlyMap<string, number> = new Map([
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
  ['w', 7 * 86_400_000],
]);

/**
 * Has the running service apply its policy to what is stored, and follows it to its end. Exits 1 when it ended otherwise than
 * done, or left rows behind. Breaking off the command does not break off the work.
 */
export async function applyPolicy(options: ApplyOptions): Promise<number> {
  const { client, terminal } = options;
  let status = options.status ? await client.policyApplication() : await begun(options);
  let shown = '';
  while (status.state === 'running') {
    if (status.step !== shown) terminal.report(status.step);
    shown = status.step;
    await wait(LOOK_EVERY_MS);
    status = await client.policyApplication();
  }
  terminal.print(options.json ? JSON.stringify(status, null, 2) : described(status));
  return status.state === 'done' && status.remaining === 0 ? EXIT.done : EXIT.no;
}

async function begun({ client, since, clock, terminal }: ApplyOptions): Promise<PolicyApplication> {
  const from = sinceOf(since, (clock ?? Date.now)());
  try {
    return await client.applyPolicy(from.toISOString());
  } catch (error) {
    if (!(error instanceof ApiError) || error.problem.code !== 'policy.busy') throw error;
    terminal.report('one is under way already: following it');
    return client.policyApplication();
  }
}

/** The instant that `--since` names. Throws UsageError for anything else. */
export function sinceOf(text: string, now: number): Date {
  if (text === 'all') return new Date(0);
  const ago = /^(\d{1,6})([mhdw])$/.exec(text);
  if (ago !== null) return new Date(Math.max(0, now - Number(ago[1]) * (UNITS.get(ago[2] ?? '') ?? 0)));
  if (/^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2}))?$/.test(text)) {
    const at = Date.parse(text);
    if (!Number.isNaN(at) && at >= 0) return new Date(at);
  }
  throw new UsageError(
    '--since takes a date (2026-11-01), a time (2026-11-01T12:00:00Z), how long ago (30d, 12h), or all',
  );
}

function described(status: PolicyApplication): string {
  const { tables, redactions, entries } = status;
  const lines = [
    `${status.policyVersion} applied to what was received from ${status.since} to ${status.until}: ${status.state}`,
  ];
  if (status.problem !== null) lines.push(status.problem);
  if (tables.length > 0) {
    const rows = tables.map((each) => [each.table, String(each.rows), String(each.changed)]);
    lines.push('', columns([['table', 'rows looked at', 'changed'], ...rows]));
  }
  if (redactions.length > 0) {
    lines.push('', columns([['rule', 'redactions'], ...redactions.map((each) => [each.rule, String(each.count)])]));
  }
  lines.push('', `${entries.looked} entries of records looked through, ${entries.kept} hold what the policy covers`);
  if (entries.kept > 0) {
    lines.push(
      'they stay as they are: each entry is hashed into the next',
      ...entries.named.map((name) => `  ${name}`),
    );
    if (entries.kept > entries.named.length) lines.push(`  … and ${entries.kept - entries.named.length} more`);
  }
  if (status.remaining > 0) lines.push(`${status.remaining} rows of older policies came meanwhile: run it again`);
  return lines.join('\n');
}
