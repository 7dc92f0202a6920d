import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import type { DocketConfig } from '../config/load-config.ts';
import type { ConnectionOptions } from './connection-options.ts';
import { EXIT, UsageError } from './exit-code.ts';
import { columns, type Terminal } from './terminal.ts';
import { HASH_SHOWN, openTokenList, type NewToken, type TokenList } from './token-list.ts';

export interface TokenCommandOptions {
  readonly terminal: Terminal;
  readonly cwd: string;
  /** Path of the configured token file, null for none; undefined after problems of the configuration were reported. */
  readonly configuredFile: (flags: Pick<ConnectionOptions, 'config'>) => DocketConfig['auth']['file'] | undefined;
  readonly finish: (exitCode: number) => void;
}

interface FileFlags {
  readonly config?: string;
  readonly file?: string;
}

/** `docket token …`: works on the token file, needs no service. */
export function registerTokenCommands(token: Command, options: TokenCommandOptions): void {
  const { terminal, cwd, finish } = options;
  token.description('create, list and revoke the tokens of a token file; needs no service');

  function command(usage: string): Command {
    return token
      .command(usage)
      .option('--file <file>', 'token file (default: as configured, auth.tokens)')
      .option('--config <file>', 'configuration file');
  }

  function onFile(flags: FileFlags, use: (list: TokenList, path: string) => void): void {
    const path = flags.file === undefined ? options.configuredFile(flags) : resolve(cwd, flags.file);
    if (path === undefined) return finish(EXIT.usage);
    if (path === null) throw new UsageError('no token file is configured: set auth.tokens, or name one with --file');
    use(openTokenList(path), path);
    return finish(EXIT.done);
  }

  command('create <name>')
    .description('print a new token, once, and write its hash into the file')
    .addOption(
      new Option('--kind <kind>', 'who it stands for').choices(['human', 'agent', 'service']).makeOptionMandatory(),
    )
    .option('--tenant <tenant>', 'whose data it reads and writes', 'default')
    .option('--id <id>', 'tells two of a name apart')
    .action((name: string, flags: FileFlags & Omit<NewToken, 'name'>) => {
      onFile(flags, (list, path) => {
        terminal.print(list.create({ name, kind: flags.kind, tenant: flags.tenant, id: flags.id }));
        terminal.report(
          `${name} (${flags.kind}) of ${flags.tenant} is in ${path}; it counts when the service is restarted`,
        );
      });
    });

  command('list')
    .description('who each token stands for; the tokens themselves are kept nowhere')
    .action((flags: FileFlags) => {
      onFile(flags, ({ tokens }) => {
        if (tokens.length === 0) return terminal.print('no tokens');
        const rows = tokens.map(({ name, kind, tenant, id, sha256 }) => [
          name,
          kind,
          tenant,
          id ?? '',
          sha256.slice(0, HASH_SHOWN),
        ]);
        return terminal.print(columns([['NAME', 'KIND', 'TENANT', 'ID', 'SHA-256'], ...rows]));
      });
    });

  command('revoke <token>')
    .description('take a token out: its name, tenant/name, or the beginning of its hash')
    .action((which: string, flags: FileFlags) => {
      onFile(flags, (list, path) => {
        const { name, tenant } = list.revoke(which);
        terminal.report(`${name} of ${tenant} is out of ${path}; it is refused when the service is restarted`);
      });
    });
}
