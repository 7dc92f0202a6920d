import { writeFile } from 'node:fs/promises';
import type { ApiClient } from '../api/client.ts';
import { EXIT, UsageError } from './exit-code.ts';
import { columns, type Terminal } from './terminal.ts';

export interface IncidentCommandOptions {
  readonly client: ApiClient;
  readonly terminal: Terminal;
  readonly json: boolean;
}

/** Newest first, one a line. */
export async function listIncidents(
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

export async function openIncident(
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
export async function showIncident(options: IncidentCommandOptions, refOrId: string): Promise<number> {
  options.terminal.print(
    options.json
      ? JSON.stringify(await options.client.incident(refOrId), null, 2)
      : (await options.client.incidentMarkdown(refOrId)).trimEnd(),
  );
  return EXIT.done;
}

/** The record as one signed file, to `output` or to standard output. An existing file is not written over. */
export async function exportIncident(
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
