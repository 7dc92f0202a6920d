import { readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { ApiClient } from '../../api/client.ts';
import type { LoadConfigResult } from '../../config/load-config.ts';
import type { ConnectionOptions } from '../connection-options.ts';
import { EXIT, UsageError } from '../exit-code.ts';
import type { Terminal } from '../terminal.ts';
import { applyPolicy } from './apply.ts';
import { checkPolicy, SAMPLE_BYTES_MAX } from './check.ts';
import { explain } from './explain.ts';
import { provePolicy } from './prove.ts';
import type { PolicyTools } from './tools.ts';

export interface PolicyCommandOptions {
  readonly terminal: Terminal;
  /** Standard output as it is. */
  readonly write: (text: string) => void;
  readonly cwd: string;
  readonly tools: PolicyTools | undefined;
  /** The configuration whose policy file is meant when none is named; undefined after its problems were reported. */
  readonly defaultFile: (flags: ConnectionOptions) => Extract<LoadConfigResult, { kind: 'loaded' }> | undefined;
  readonly withClient: (flags: ConnectionOptions, use: (client: ApiClient) => Promise<number>) => Promise<number>;
  readonly finish: (exitCode: number) => void;
}

/** `docket policy …`. */
export function registerPolicyCommands(policy: Command, options: PolicyCommandOptions): void {
  const { terminal, tools, cwd, finish } = options;
  policy.description('check, prove, explain and apply the redaction policy');

  /** The file named, or the configured one, or none for the built-in policy. */
  const fileOf = (named: string | undefined): { readonly file: string | undefined } | undefined => {
    if (named !== undefined) return { file: resolve(cwd, named) };
    const loaded = options.defaultFile(policy.opts());
    return loaded === undefined ? undefined : { file: loaded.config.policy.file ?? undefined };
  };

  if (tools !== undefined) {
    policy
      .command('check [file]')
      .description('check a policy file (default: the configured policy) and say what it does')
      .option('--sample <file>', 'OTLP/JSON: show what the policy does to it, here and nowhere else')
      .option('--json', 'as JSON', false)
      .action((named: string | undefined, flags: { sample?: string; json: boolean }) => {
        const chosen = fileOf(named);
        if (chosen === undefined) return finish(EXIT.usage);
        const sample = flags.sample === undefined ? undefined : readSample(resolve(cwd, flags.sample));
        return finish(
          checkPolicy(
            { tools, terminal, write: options.write, colour: terminal.interactive, json: flags.json },
            chosen.file,
            sample,
          ),
        );
      });

    policy
      .command('test [file]')
      .description('plant secrets everywhere in a temporary Docket under the policy, and look for them everywhere')
      .option(
        '--data-dir <folder>',
        'where the temporary data directory is made (default: the system temporary folder)',
      )
      .option('--full', 'a line for every position', false)
      .option('--json', 'as JSON', false)
      .action(async (named: string | undefined, flags: { dataDir?: string; full: boolean; json: boolean }) => {
        const chosen = fileOf(named);
        if (chosen === undefined) return finish(EXIT.usage);
        const dataDirectory = flags.dataDir === undefined ? undefined : resolve(cwd, flags.dataDir);
        const { full, json } = flags;
        return finish(await provePolicy({ tools, terminal, json, full, dataDirectory }, chosen.file));
      });
  }

  policy
    .command('apply')
    .description('have the running service apply its policy to what older policies let into the store')
    .requiredOption('--since <time>', 'a date, a time, how long ago (30d, 12h), or all')
    .option('--json', 'as JSON', false)
    .action(async (flags: { since: string; json: boolean }) => {
      const { since, json } = flags;
      finish(
        await options.withClient(policy.opts(), (client) =>
          applyPolicy({ client, terminal, json, since, status: false }),
        ),
      );
    });

  policy
    .command('status')
    .description('follow the latest application of the policy to what is stored')
    .option('--json', 'as JSON', false)
    .action(async (flags: { json: boolean }) => {
      const { json } = flags;
      finish(
        await options.withClient(policy.opts(), (client) =>
          applyPolicy({ client, terminal, json, since: 'all', status: true }),
        ),
      );
    });

  policy
    .command('explain <record...>')
    .description('what was redacted in a record and why: a trace id, a trace id and a span id, or an evidence id')
    .option('--json', 'as JSON', false)
    .action(async (record: string[], flags: { json: boolean }) => {
      finish(
        await options.withClient(policy.opts(), (client) => explain({ client, terminal, json: flags.json }, record)),
      );
    });
}

function readSample(path: string): { readonly name: string; readonly text: string } {
  try {
    if (statSync(path).size > SAMPLE_BYTES_MAX) throw new UsageError(`${path} is larger than 64 MiB`);
    return { name: path, text: readFileSync(path, 'utf8') };
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`${path} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`);
  }
}
