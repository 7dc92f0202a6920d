import { userInfo } from 'node:os';
import { resolve } from 'node:path';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { createClient, type ApiClient } from '../api/client.ts';
import { describeConfig, describeProblems } from '../config/describe.ts';
import { formatListenAddress, type ListenAddress } from '../config/listen-address.ts';
import { loadConfig, type ConfigOverrides, type LoadConfigResult } from '../config/load-config.ts';
import { SETTING_NAMES, SETTING_SOURCES, type SettingName } from '../config/settings.ts';
import type { ConnectionOptions } from './connection-options.ts';
import { doctor } from './doctor.ts';
import { describeFailure, EXIT, UsageError } from './exit-code.ts';
import { importPostmortems } from './import.ts';
import { registerIncidentCommands } from './incident.ts';
import { registerPolicyCommands } from './policy/commands.ts';
import type { PolicyTools } from './policy/tools.ts';
import { createOtlpSender } from './replay/otlp-sender.ts';
import { replay } from './replay/replay.ts';
import { createTerminal } from './terminal.ts';
import { registerTokenCommands } from './token.ts';
import { verifyFile } from './verify.ts';

type LoadedConfig = Extract<LoadConfigResult, { kind: 'loaded' }>;

export interface DemoOptions {
  /** Leave when the record is complete instead of serving on. */
  readonly exit: boolean;
}

/** What the command line needs of the process around it. */
export interface ProgramDependencies {
  readonly version: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly nodeVersion: string;
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  /** True when standard output is a terminal. */
  readonly interactive: boolean;
  /** Runs the service until it is told to stop; resolves to the exit code. */
  readonly serve: (loaded: LoadedConfig) => Promise<number>;
  /** Runs the demonstration; the command is left out where there is none. */
  readonly demo?: (options: DemoOptions) => Promise<number>;
  /** What the policy commands work with; those that need it are left out where there is none. */
  readonly policy?: PolicyTools;
}

/** The `docket` command line. */
export interface Program {
  /** Runs one command; `args` without node and script. Resolves to the exit code and never ends the process. */
  run(args: readonly string[]): Promise<number>;
}

/**
 * Every setting but two: opening the service to everybody is left to the variable, so that nobody leaves it in a script by
 * habit, and headers that hold credentials, which every user of the machine could read in its list of processes.
 */
const SERVE_FLAGS: readonly SettingName[] = SETTING_NAMES.filter(
  (name) => name !== 'auth.dangerously_allow_open' && name !== 'forward.headers',
);

/** The configuration where its token file is yet to be made: without tokens, no listener may be open. */
const WITHOUT_TOKENS: Partial<Record<SettingName, string>> = {
  'auth.mode': 'none',
  'listen.otlp_grpc': '127.0.0.1:0',
  'listen.otlp_http': '127.0.0.1:0',
  'listen.api': '127.0.0.1:0',
};

export function createProgram(dependencies: ProgramDependencies): Program {
  const { env, cwd } = dependencies;
  const terminal = createTerminal(dependencies);
  const token = env['DOCKET_TOKEN'] === '' ? undefined : env['DOCKET_TOKEN'];

  /** The configuration, or after its problems were reported undefined. */
  function configured(overrides: ConfigOverrides = {}): LoadedConfig | undefined {
    const result = loadConfig({ env, cwd, overrides });
    if (result.kind === 'loaded') return result;
    terminal.report(`the configuration is not valid:\n${describeProblems(result.problems).trimEnd()}`);
    return undefined;
  }

  function configuredBy({ config }: Pick<ConnectionOptions, 'config'>): LoadedConfig | undefined {
    return configured(config === undefined ? {} : { configFile: config });
  }

  function connect(loaded: LoadedConfig, options: ConnectionOptions, as: 'human' | 'import' = 'human'): ApiClient {
    const variable = env['DOCKET_URL'] === '' ? undefined : env['DOCKET_URL'];
    if (options.url === undefined && variable !== undefined && !isHttpUrl(variable)) {
      throw new UsageError('DOCKET_URL must start with http:// or https://');
    }
    return createClient({
      endpoint: options.url ?? variable ?? `http://${reachable(loaded.config.listen.api)}`,
      actor: { kind: as, name: userName() },
      ...(token === undefined ? {} : { token }),
    });
  }

  async function execute(args: readonly string[]): Promise<number> {
    let exitCode: number = EXIT.done;
    const program = new Command('docket')
      .description(
        "The incident record's OpenTelemetry intake: OTLP in, redacted evidence in ClickHouse, one record out",
      )
      .version(dependencies.version)
      .exitOverride()
      .configureOutput({ writeOut: dependencies.stdout, writeErr: dependencies.stderr });

    const serve = program
      .command('serve')
      .description('run the service')
      .option('--config <file>', 'configuration file (default: DOCKET_CONFIG, or ./docket.yaml when it is there)')
      .option('--port-base <n>', 'take the ports n, n+1 and n+2; 0 takes free ones');
    for (const name of SERVE_FLAGS)
      serve.option(`${SETTING_SOURCES[name].flag} <value>`, `${name} (${SETTING_SOURCES[name].variable})`);
    serve.action(async (_flags: unknown, command: Command) => {
      const loaded = configured(serveOverrides(command));
      exitCode = loaded ? await dependencies.serve(loaded) : EXIT.usage;
    });

    const { demo } = dependencies;
    if (demo) {
      program
        .command('demo')
        .description('run the service on a temporary folder with a live incident')
        .option('--exit', 'leave when the record is complete; non-zero if it is not', false)
        .action(async (flags: { exit: boolean }) => {
          exitCode = await demo({ exit: flags.exit });
        });
    }

    connected(program.command('replay <path>'))
      .description('post recorded OTLP files (JSON, JSON lines or protobuf), or a folder of them')
      .option('--endpoint <url>', 'OTLP/HTTP receiver (default: as configured)', urlArgument)
      .option('--speed <n>', 'times as fast as recorded (default: as fast as possible)', speedArgument)
      .option('--incident <ref>', 'name this incident on everything sent; opened when it does not exist', refArgument)
      .action(
        async (path: string, flags: ConnectionOptions & { endpoint?: string; speed?: number; incident?: string }) => {
          const loaded = configuredBy(flags);
          if (!loaded) {
            exitCode = EXIT.usage;
            return;
          }
          const endpoint = flags.endpoint ?? `http://${reachable(loaded.config.listen.otlpHttp)}`;
          exitCode = await replay({
            path: resolve(cwd, path),
            sender: createOtlpSender({ endpoint, ...(token === undefined ? {} : { token }) }),
            client: connect(loaded, flags),
            terminal,
            ...(flags.speed === undefined ? {} : { speed: flags.speed }),
            ...(flags.incident === undefined ? {} : { incident: flags.incident }),
          });
        },
      );

    registerIncidentCommands(program.command('incident'), {
      terminal,
      cwd,
      connected,
      withClient,
      finish: (code) => {
        exitCode = code;
      },
    });

    program
      .command('verify <bundle>')
      .description('check an exported bundle: is it intact, is it complete; needs no service')
      .option('--public-key <file>', 'the key you trust, in PEM (default: the one in the bundle)')
      .option('--anchors <file>', 'checkpoints kept elsewhere, one JSON object a line')
      .option('--json', 'as JSON', false)
      .action(async (bundle: string, flags: { publicKey?: string; anchors?: string; json: boolean }) => {
        exitCode = await verifyFile(resolve(cwd, bundle), {
          terminal,
          json: flags.json,
          ...(flags.publicKey === undefined ? {} : { publicKeyFile: resolve(cwd, flags.publicKey) }),
          ...(flags.anchors === undefined ? {} : { anchorsFile: resolve(cwd, flags.anchors) }),
        });
      });

    registerPolicyCommands(connected(program.command('policy')), {
      terminal,
      write: dependencies.stdout,
      cwd,
      tools: dependencies.policy,
      defaultFile: configuredBy,
      withClient,
      finish: (code) => {
        exitCode = code;
      },
    });

    registerTokenCommands(program.command('token'), {
      terminal,
      cwd,
      configuredFile: ({ config }) =>
        configured({ ...(config === undefined ? {} : { configFile: config }), settings: WITHOUT_TOKENS })?.config.auth
          .file,
      finish: (code) => {
        exitCode = code;
      },
    });

    connected(program.command('import <path>'))
      .description('enter past incidents from postmortems: Markdown, JSON or JSON lines, a file or a folder of them')
      .option('--dry-run', 'say what would be entered, and enter nothing', false)
      .option('--owner <name>', 'who owns follow-ups that the postmortem gives nobody')
      .action(async (path: string, flags: ConnectionOptions & { dryRun: boolean; owner?: string }) => {
        const loaded = configuredBy(flags);
        exitCode = loaded
          ? await importPostmortems({
              path: resolve(cwd, path),
              client: connect(loaded, flags, 'import'),
              terminal,
              dryRun: flags.dryRun,
              ...(flags.owner === undefined ? {} : { owner: flags.owner }),
            })
          : EXIT.usage;
      });

    connected(program.command('doctor'))
      .description('check this machine and the running service')
      .action(async (flags: ConnectionOptions) => {
        const loaded = configuredBy(flags);
        exitCode = loaded
          ? await doctor({
              config: loaded.config,
              client: connect(loaded, flags),
              terminal,
              version: dependencies.version,
              nodeVersion: dependencies.nodeVersion,
            })
          : EXIT.usage;
      });

    program
      .command('config')
      .description('check the configuration')
      .option('--config <file>', 'configuration file')
      .option('--print', 'show the effective values and where each came from; secrets as [set]', false)
      .action((flags: { config?: string; print: boolean }) => {
        const loaded = configuredBy(flags);
        if (loaded)
          terminal.print(flags.print ? describeConfig(loaded.origins).trimEnd() : 'the configuration is valid');
        exitCode = loaded ? EXIT.done : EXIT.usage;
      });

    async function withClient(flags: ConnectionOptions, use: (client: ApiClient) => Promise<number>): Promise<number> {
      const loaded = configuredBy(flags);
      return loaded ? use(connect(loaded, flags)) : EXIT.usage;
    }

    pointToHelp(program, 'docket');
    await program.parseAsync([...args], { from: 'user' });
    return exitCode;
  }

  return {
    async run(args) {
      try {
        return await execute(args);
      } catch (error) {
        // Commander has printed its message; help and version are no mistakes.
        if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
        const failure = describeFailure(error);
        if (!failure) throw error;
        terminal.report(failure.message);
        return failure.code;
      }
    },
  };
}

/** After an error, each command names its own help. */
function pointToHelp(command: Command, called: string): void {
  command.showHelpAfterError(`(${called} --help says what there is)`);
  for (const each of command.commands) pointToHelp(each, `${called} ${each.name()}`);
}

function connected(command: Command): Command {
  return command
    .option('--url <url>', 'the API of the running service (default: DOCKET_URL, or as configured)', urlArgument)
    .option('--config <file>', 'configuration file');
}

function serveOverrides(command: Command): ConfigOverrides {
  const values = command.opts<Record<string, string | undefined>>();
  const settings: Partial<Record<SettingName, string>> = {};
  for (const name of SERVE_FLAGS) {
    const option = command.options.find((each) => each.long === SETTING_SOURCES[name].flag);
    const value = option ? values[option.attributeName()] : undefined;
    if (value !== undefined) settings[name] = value;
  }
  return {
    settings,
    ...(values['config'] === undefined ? {} : { configFile: values['config'] }),
    ...(values['portBase'] === undefined ? {} : { portBase: values['portBase'] }),
  };
}

/** Where a client on this machine reaches a listener: an address that means "every interface" is none to connect to. */
function reachable(address: ListenAddress): string {
  const host = address.host === '0.0.0.0' ? '127.0.0.1' : address.host === '::' ? '::1' : address.host;
  return formatListenAddress({ host, port: address.port });
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A user id without a name, as in some containers.
    return 'anonymous';
  }
}

function urlArgument(value: string): string {
  if (!isHttpUrl(value)) throw new InvalidArgumentError('It must start with http:// or https://.');
  return value;
}

function isHttpUrl(value: string): boolean {
  return /^https?:\/\//i.test(value) && URL.canParse(value);
}

function speedArgument(value: string): number {
  const speed = /^\d{1,6}(\.\d{1,3})?$/.test(value) ? Number(value) : 0;
  if (speed <= 0) throw new InvalidArgumentError('It must be a number above 0.');
  return speed;
}

function refArgument(value: string): string {
  if (value.trim() === '' || value.length > 200) throw new InvalidArgumentError('It must be 1 to 200 characters.');
  return value;
}
