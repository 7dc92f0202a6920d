import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import type { ApiClient } from '../api/client.ts';
import { SEVERITIES, type Severity } from '../record/incident-record.ts';
import type { ConnectionOptions } from './connection-options.ts';
import { EXIT, UsageError } from './exit-code.ts';
import { columns, type Terminal } from './terminal.ts';

export interface RegisterIncidentOptions {
  readonly terminal: Terminal;
  readonly cwd: string;
  /** Gives a command the options by which it finds the service. */
  readonly connected: (command: Command) => Command;
  readonly withClient: (flags: ConnectionOptions, use: (client: ApiClient) => Promise<number>) => Promise<number>;
  readonly finish: (exitCode: number) => void;
}

/** `docket incident …`. */
export function registerIncidentCommands(incident: Command, options: RegisterIncidentOptions): void {
  const { terminal, cwd, connected, withClient, finish } = options;
  incident.description('list, open, show and export incidents');

  connected(incident.command('list'))
    .description('list incidents, newest first')
    .option('--status <status>', 'only this status; several separated by commas')
    .option('--severity <severity>', 'only this severity; several separated by commas')
    .option('--service <name>', 'only incidents of this service')
    .option('--limit <n>', 'at most this many, up to 200', '50')
    .option('--json', 'as JSON', false)
    .action(async (flags: ConnectionOptions & Record<string, string | boolean | undefined>) => {
      const query = ['status', 'severity', 'service', 'limit'].flatMap((name) => {
        const value = flags[name];
        return typeof value === 'string' ? [[name, value] as const] : [];
      });
      const json = flags['json'] === true;
      finish(await withClient(flags, (client) => listIncidents({ client, terminal, json }, Object.fromEntries(query))));
    });

  connected(incident.command('open <title>'))
    .description('open an incident')
    .option('--ref <ref>', 'its ref (default: the next INC-n)')
    .addOption(new Option('--severity <severity>', 'its severity').choices(SEVERITIES))
    .option('--service <name...>', 'services it touches')
    .option('--environment <name...>', 'environments it goes on in')
    .option('--json', 'as JSON', false)
    .action(
      async (
        title: string,
        flags: ConnectionOptions & {
          ref?: string;
          severity?: Severity;
          service?: string[];
          environment?: string[];
          json: boolean;
        },
      ) => {
        const request = {
          title,
          ...(flags.ref === undefined ? {} : { ref: flags.ref }),
          ...(flags.severity === undefined ? {} : { severity: flags.severity }),
          ...(flags.service === undefined ? {} : { services: flags.service }),
          ...(flags.environment === undefined ? {} : { environments: flags.environment }),
        };
        finish(await withClient(flags, (client) => openIncident({ client, terminal, json: flags.json }, request)));
      },
    );

  connected(incident.command('show <ref>'))
    .description('show the assembled record')
    .option('--json', 'as JSON instead of Markdown', false)
    .action(async (ref: string, flags: ConnectionOptions & { json: boolean }) => {
      finish(await withClient(flags, (client) => showIncident({ client, terminal, json: flags.json }, ref)));
    });

  connected(incident.command('rerun <ref> <evidence>'))
    .description('ask the query of a service signal again: the figures as they were told, and now')
    .option('--json', 'as JSON, with the query', false)
    .action(async (ref: string, evidence: string, flags: ConnectionOptions & { json: boolean }) => {
      finish(await withClient(flags, (client) => rerunSignal({ client, terminal, json: flags.json }, ref, evidence)));
    });

  connected(incident.command('export <ref>'))
    .description('write the whole log as one signed file that docket verify checks')
    .option('--output <file>', 'where to (default: standard output)')
    .action(async (ref: string, flags: ConnectionOptions & { output?: string }) => {
      const output = flags.output === undefined ? undefined : resolve(cwd, flags.output);
      finish(await withClient(flags, (client) => exportIncident({ client, terminal }, ref, output)));
    });
}

interface IncidentCommandOptions {
  readonly client: ApiClient;
  readonly terminal: Terminal;
  readonly json: boolean;
}

/** Newest first, one a line. */
async function listIncidents(
  options: IncidentCommandOptions,
  query: Readonly<Record<string, string>>,
): Promise<number> {
  const page = await options.client.incidents(query);
  if (options.json) {
    options.terminal.print(JSON.stringify(page, null, 2));
  } else if (page.items.length === 0) {
    options.terminal.print('no incidents');
  } else {
    const rows = page.items.map((item) => [item.ref, item.status, item.severity, item.startedAt, item.title]);
    options.terminal.print(columns([['REF', 'STATUS', 'SEVERITY', 'STARTED', 'TITLE'], ...rows]));
    if (page.next !== null) options.terminal.report('there are more; --limit shows up to 200');
  }
  return EXIT.done;
}

async function openIncident(
  options: IncidentCommandOptions,
  request: Parameters<ApiClient['openIncident']>[0],
): Promise<number> {
  const opened = await options.client.openIncident(request);
  options.terminal.print(
    options.json ? JSON.stringify(opened, null, 2) : `opened ${opened.ref}; ${opened.filed ?? 0} rows filed`,
  );
  return EXIT.done;
}

/** The record as Markdown, which reads well on a terminal, or as JSON. */
async function showIncident(options: IncidentCommandOptions, refOrId: string): Promise<number> {
  options.terminal.print(
    options.json
      ? JSON.stringify(await options.client.incident(refOrId), null, 2)
      : (await options.client.incidentMarkdown(refOrId)).trimEnd(),
  );
  return EXIT.done;
}

/** Figure by figure: what was told, and what the query gives now. */
async function rerunSignal(options: IncidentCommandOptions, refOrId: string, evidence: string): Promise<number> {
  const { terminal } = options;
  const figures = await options.client.signalFigures(refOrId, evidence);
  if (options.json) {
    terminal.print(JSON.stringify(figures, null, 2));
    return EXIT.done;
  }
  const { told, now, asOf, more } = figures;
  const before = typeof told === 'object' && told !== null ? Object.entries(told) : [];
  if (now.length === 0) terminal.report('the query gives nothing now: its telemetry may have expired');
  for (const row of now.length === 0 ? [{}] : now) {
    const lines = before.map(([name, value]) => [name, cell(value), cell(Reflect.get(row, name))]);
    terminal.print(columns([['FIGURE', `TOLD ${asOf ?? ''}`.trimEnd(), 'NOW'], ...lines]));
  }
  if (more) terminal.report('there are more rows; run the query (--json shows it) where ClickHouse is a server');
  return EXIT.done;
}

function cell(value: unknown): string {
  return value === undefined ? '-' : typeof value === 'string' ? value : JSON.stringify(value);
}

/** The record as one signed file, to `output` or to standard output. An existing file is not written over. */
async function exportIncident(
  options: Pick<IncidentCommandOptions, 'client' | 'terminal'>,
  refOrId: string,
  output: string | undefined,
): Promise<number> {
  const bundle = await options.client.bundle(refOrId);
  if (output === undefined) {
    options.terminal.print(bundle.trimEnd());
    return EXIT.done;
  }
  try {
    await writeFile(output, bundle, { flag: 'wx' });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    throw new UsageError(code === 'EEXIST' ? `${output} is there already` : `${output} cannot be written: ${code}`);
  }
  options.terminal.report(`wrote ${output}; check it with: docket verify ${output}`);
  return EXIT.done;
}
