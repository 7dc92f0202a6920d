import {
  CHANGING_ARGUMENTS,
  CLOUD_PROGRAMS,
  EXEC_OPTIONS,
  GRAMMAR,
  MUTATORS,
  READERS,
  READING_ARGUMENTS,
  SCRIPT_ACTS,
  SHELLS,
  SQL_CLIENTS,
  SSH_OPTIONS,
  VERSION_ARGUMENT,
  VERSIONED,
  wrapperOf,
  type Wrapper,
} from './command-programs.ts';
import { gitTier } from './git-tier.ts';
import { httpClientTier } from './http-tier.ts';
import { mongoTier } from './mongo-tier.ts';
import { knownProgram, type ProgramRule } from './program-rules.ts';
import { scratchFile, shellCommands, type ShellCommand } from './shell-words.ts';
import { isSql, sqlTier } from './sql-tier.ts';
import { farthest, type TierDecision } from './tier-decision.ts';

const COMMAND_DEPTH_MAX = 4;

const CLOUD_READ =
  /^(?:describe|list|get|show|ls|filter|lookup|head|tail|search|query|read|wait|scan|view|preview|validate|estimate|simulate|detect|start-query$|batch-(?:get|describe|detect|check))(?:-|$)/;
const CLOUD_MUTATE =
  /^(?:create|delete|update|put|modify|terminate|start|stop|reboot|restart|set|attach|detach|run|invoke|deploy|apply|remove|add|scale|resize|rollback|failover|promote|enable|disable|revoke|authorize|cp|mv|rm|rb|mb|sync|tag|untag|import|reset|publish|send|patch|register|deregister|cancel|restore|associate|disassociate|change|execute|deallocate|allocate|release|swap|schedule|replace|upload|purge|abort|assign|unassign|migrate|upgrade|move|copy|drain|suspend|resume|batch|seek|clone|recreate|abandon|undelete|rotate|login|logout|grant|renew|accept|reject|complete|continue|retry|submit|transfer|unlock|lock|ack|kill|activate|deactivate)(?:-|$)/;

/** What a command reads. */
interface Feed {
  /** As far as the line shows it. */
  readonly text: string;
  /** The program it comes from, `<` for a file; `''` when there is none. */
  readonly source: string;
}

const NOTHING: Feed = { text: '', source: '' };

/** The tier of a shell command line: of each command in it, the farthest-reaching. */
export function commandTier(line: string): TierDecision {
  return lineTier(line, 0);
}

function lineTier(line: string, depth: number): TierDecision {
  const parsed = shellCommands(line);
  const decisions = parsed.commands.map((command) => simpleCommandTier(command.words, depth, feedOf(command)));
  if (parsed.writesFile) decisions.push({ tier: 'mutate', rule: 'shell.redirect', verb: 'write' });
  if (parsed.cut) decisions.push({ tier: 'unknown', rule: 'shell.too_long', verb: undefined });
  if (decisions.length === 0) return { tier: 'unknown', rule: 'shell.empty', verb: undefined };
  return farthest(decisions);
}

function feedOf({ input, source }: ShellCommand): Feed {
  return input === '' && source === '' ? NOTHING : { text: input, source };
}

function simpleCommandTier(words: readonly string[], depth: number, feed: Feed = NOTHING): TierDecision {
  let at = 0;
  while (at < words.length && (/^[A-Za-z_]\w*\+?=/.test(words[at] ?? '') || GRAMMAR.has(words[at] ?? ''))) {
    // `for x in …` lists words, not a command.
    if (words[at] === 'for' || words[at] === 'case') return { tier: 'read', rule: 'shell.grammar', verb: undefined };
    at += 1;
  }
  const head = words[at];
  if (head === undefined) return { tier: 'read', rule: 'shell.assignment', verb: undefined };
  const name = head.slice(head.lastIndexOf('/') + 1);
  const rest = words.slice(at + 1);
  if (depth > COMMAND_DEPTH_MAX) return { tier: 'unknown', rule: 'shell.too_deep', verb: undefined };
  if (rest.length === 1 && VERSIONED.has(name) && VERSION_ARGUMENT.test(rest[0] ?? '')) {
    return { tier: 'read', rule: 'shell.version', verb: undefined };
  }
  return (
    otherCommandTier(name, rest, depth, feed) ??
    databaseTier(name, rest, feed) ??
    programOrCloudTier(name, rest, depth, feed) ??
    listedTier(name, rest, depth)
  );
}

/** Of a command that runs others: wrappers, shells, `ssh`; undefined for any other. */
function otherCommandTier(name: string, rest: readonly string[], depth: number, feed: Feed): TierDecision | undefined {
  const wrapper = wrapperOf(name);
  if (wrapper !== undefined) return wrapperTier(name, wrapper, rest, depth, feed);
  if (name === 'eval') return lineTier(rest.join(' '), depth + 1);
  if (name === 'trap') {
    const runs = rest.length > 1 && rest[0] !== '-' && rest[0] !== '';
    return runs ? lineTier(rest[0] ?? '', depth + 1) : { tier: 'read', rule: 'shell.trap', verb: undefined };
  }
  if (name === 'ssh') return remoteTier(rest, depth, feed);
  if (name === 'su') {
    const script = after(rest, /^(?:-c|--command)$/);
    return script === undefined ? scriptTier(feed, depth) : lineTier(script, depth + 1);
  }
  if (name === 'ansible') return ansibleTier(rest, depth);
  if (!SHELLS.has(name)) return undefined;
  const script = after(rest, /^-\w*c$/);
  if (script !== undefined && script !== '') return lineTier(script, depth + 1);
  // Options and `-s` aside, a word is the name of a script.
  const named = rest.some((word) => !word.startsWith('-')) && !rest.includes('-s');
  return named ? { tier: 'unknown', rule: 'shell.script', verb: undefined } : scriptTier(feed, depth);
}

/** What a shell does with what it reads. */
function scriptTier(feed: Feed, depth: number): TierDecision {
  if (feed.text !== '') return lineTier(feed.text, depth + 1);
  const isFetched = feed.source === 'curl' || feed.source === 'wget';
  return { tier: isFetched ? 'mutate' : 'unknown', rule: 'shell.script', verb: undefined };
}

function wrapperTier(
  name: string,
  { valued, operands, addsInput }: Wrapper,
  rest: readonly string[],
  depth: number,
  feed: Feed,
): TierDecision {
  const rule = `shell.${name === '!' ? 'not' : name}`;
  const read: TierDecision = { tier: 'read', rule, verb: undefined };
  if (name === 'command' && /^-[vV]$/.test(rest[0] ?? '')) return read;
  const asOption = name === 'runuser' ? after(rest, /^(?:-c|--command)$/) : undefined;
  if (asOption !== undefined) return lineTier(asOption, depth + 1);
  const next = afterOptions(rest, valued, /^[\d.]+[smhd]?$|^[A-Za-z_]\w*=/) + operands;
  const command = rest.slice(next);
  if (command.length > 0) {
    // What is added is not seen: it may be the verb.
    return addsInput && !command.some((word) => word.includes('{}'))
      ? simpleCommandTier([...command, UNSEEN], depth + 1)
      : simpleCommandTier(command, depth + 1, addsInput ? NOTHING : feed);
  }
  const startsShell =
    name === 'sudo' ? rest.some((word) => /^-(?:[a-zA-Z]*[is]|-login|-shell)$/.test(word)) : operands > 0;
  return startsShell ? scriptTier(feed, depth) : read;
}

/** Stands for a word that the line does not show. */
const UNSEEN = '…';

/** Of a client of a database; undefined for any other program. */
function databaseTier(name: string, rest: readonly string[], feed: Feed): TierDecision | undefined {
  if (SQL_CLIENTS.has(name)) {
    const unknown: TierDecision = { tier: 'unknown', rule: `shell.${name}`, verb: undefined };
    if (name === 'psql' && rest.some((word) => /^(?:-[a-zA-Z]*l|--list)$/.test(word))) {
      return { tier: 'read', rule: 'shell.psql', verb: 'list' };
    }
    const given = givenSql(rest);
    const decisions = (given.length > 0 ? given : [feed.text]).filter((sql) => sql !== '').map(sqlTier);
    const runsFile = rest.some((word) =>
      /^(?:-[a-zA-Z]*f|--file(?:=.*)?|--queries-file(?:=.*)?|-init|--init-command.*)$/.test(word),
    );
    return decisions.length === 0 ? unknown : farthest(runsFile ? [...decisions, unknown] : decisions);
  }
  if (name !== 'mongosh' && name !== 'mongo') return undefined;
  const scripts = rest.flatMap((word, at) =>
    word === '--eval' ? [rest[at + 1] ?? ''] : word.startsWith('--eval=') ? [word.slice('--eval='.length)] : [],
  );
  const runsFile = rest.some(
    (word, at) => rest[at - 1] !== '--eval' && /^(?:-f|--file.*|.*\.(?:m?js|cjs))$/.test(word),
  );
  const text = scripts.length > 0 ? scripts.join('\n') : feed.text;
  return runsFile || text === '' ? { tier: 'unknown', rule: 'mongo', verb: undefined } : mongoTier(text);
}

/** Of a program whose sub-commands are known, or a cloud's command line. */
function programOrCloudTier(
  name: string,
  rest: readonly string[],
  depth: number,
  feed: Feed,
): TierDecision | undefined {
  const program = knownProgram(name);
  if (program?.name === 'redis-cli' && feed.text !== '' && operands(rest).length === 0) {
    const lines = feed.text.split('\n').filter((line) => line.trim() !== '');
    return farthest(
      lines.map((line) => programTier('redis-cli', program.rule, line.trim().split(/\s+/), depth, NOTHING)),
    );
  }
  if (program !== undefined) return programTier(program.name, program.rule, rest, depth, feed);
  return CLOUD_PROGRAMS.has(name) ? cloudTier(name, rest) : undefined;
}

/** Of a program that its name, or one of its arguments, says enough of. */
function listedTier(name: string, rest: readonly string[], depth: number): TierDecision {
  if (name === 'curl' || name === 'wget') return httpClientTier(name, rest);
  const acts = argument(SCRIPT_ACTS, name === 'gawk' || name === 'mawk' ? 'awk' : name);
  if (name === 'sed' || name === 'perl' || name === 'ruby') {
    const inPlace = rest.some((word) => /^-[a-zA-Z0-9]*i|^--in-place/.test(word));
    if (inPlace) return { tier: 'mutate', rule: `shell.${name}`, verb: 'edit' };
    // What a script runs is not looked into.
    const reads = name === 'sed' && !rest.some((word) => acts?.test(word) === true);
    return { tier: reads ? 'read' : 'unknown', rule: `shell.${name}`, verb: reads ? 'read' : undefined };
  }
  if (acts !== undefined && rest.some((word) => acts.test(word))) {
    return { tier: 'unknown', rule: `shell.${name}`, verb: undefined };
  }
  if (name === 'nc' || name === 'ncat') {
    const looks = rest.some((word) => /^-[a-zA-Z]*z/.test(word));
    return { tier: looks ? 'read' : 'unknown', rule: 'shell.nc', verb: undefined };
  }
  if (name === 'find') return findTier(rest, depth);
  if (name === 'tee') {
    const writes = rest.some((word) => !word.startsWith('-') && !scratchFile(word));
    return { tier: writes ? 'mutate' : 'read', rule: 'shell.tee', verb: 'write' };
  }
  if (name.startsWith('kafka-')) {
    const changes = rest.some((word) => /^--(?:delete|alter|create|execute|reset-offsets|add|remove)/.test(word));
    const looks = rest.some((word) => /^--(?:describe|list|verify)/.test(word));
    return { tier: changes ? 'mutate' : looks ? 'read' : 'unknown', rule: 'shell.kafka', verb: undefined };
  }
  if (
    name === 'sysctl' &&
    rest.length > 0 &&
    !rest.some((word) => /=|^-(?:[a-zA-Z]*[wp]|-write|-load|-system)/.test(word))
  ) {
    return { tier: 'read', rule: 'shell.sysctl', verb: 'read' };
  }
  if ((name === 'kubectx' || name === 'kubens' || name === 'mount' || name === 'swapon') && rest.length === 0) {
    return { tier: 'read', rule: `shell.${name}`, verb: 'read' };
  }
  const reading = argument(READING_ARGUMENTS, name);
  if (reading !== undefined && telling(name, rest).some((word) => reading.test(word))) {
    return { tier: 'read', rule: `shell.${name}`, verb: 'read' };
  }
  if (rest.some((word) => argument(CHANGING_ARGUMENTS, name)?.test(word) === true)) {
    return { tier: 'mutate', rule: `shell.${name}`, verb: undefined };
  }
  if (READERS.has(name)) return { tier: 'read', rule: 'shell.reader', verb: 'read' };
  if (MUTATORS.has(name)) return { tier: 'mutate', rule: 'shell.mutator', verb: undefined };
  return { tier: 'unknown', rule: 'shell.unknown_program', verb: undefined };
}

/** The words that say what a program does: its options and the first other one, behind its object for some. */
function telling(name: string, rest: readonly string[]): readonly string[] {
  const others = rest.filter((word) => !word.startsWith('-'));
  const objects = name === 'service' || name === 'tc' ? 2 : 1;
  return [...rest.filter((word) => word.startsWith('-')), ...others.slice(0, objects)];
}

/** The word behind an option. */
function after(words: readonly string[], option: RegExp): string | undefined {
  const at = words.findIndex((word) => option.test(word));
  return at === -1 ? undefined : words[at + 1];
}

/** What a client of a database is told to run: `-c …`, `--execute=…`, or else any word that begins as SQL does. */
function givenSql(words: readonly string[]): readonly string[] {
  const given: string[] = [];
  for (const [at, word] of words.entries()) {
    const joined = /^(?:--(?:execute|command|query)=|-[ceqQ](?=\S*\s))(.*)$/s.exec(word)?.[1];
    if (joined !== undefined) given.push(joined);
    else if (/^(?:-[a-zA-Z]*[ceqQ]|--(?:execute|command|query))$/.test(word) && (words[at + 1] ?? '').trim() !== '')
      given.push(words[at + 1] ?? '');
  }
  const begun = words.filter(isSql);
  return [...new Set([...given, ...begun])];
}

function argument(of: Readonly<Record<string, RegExp>>, name: string): RegExp | undefined {
  return Object.hasOwn(of, name) ? of[name] : undefined;
}

/** Where the words after a command's own options begin; `also` are words of its own besides. */
function afterOptions(words: readonly string[], valued: ReadonlySet<string>, also?: RegExp): number {
  let at = 0;
  while (at < words.length) {
    const word = words[at] ?? '';
    if (word === '--') return at + 1;
    if (!word.startsWith('-') && also?.test(word) !== true) return at;
    at += valued.has(word) ? 2 : 1;
  }
  return at;
}

/** What runs on another host: the rest of the line, which a shell there reads, or what it is given to read. */
function remoteTier(rest: readonly string[], depth: number, feed: Feed): TierDecision {
  const behindHost = rest.slice(afterOptions(rest, SSH_OPTIONS) + 1);
  const line = behindHost.slice(afterOptions(behindHost, SSH_OPTIONS)).join(' ');
  if (line !== '') {
    const [only] = shellCommands(line).commands;
    // A shell there may be given the input that ssh was.
    return feed.text !== '' && only !== undefined && SHELLS.has(only.words[0] ?? '')
      ? farthest([lineTier(line, depth + 1), lineTier(feed.text, depth + 1)])
      : lineTier(line, depth + 1);
  }
  return feed.text === '' ? { tier: 'unknown', rule: 'shell.ssh', verb: undefined } : lineTier(feed.text, depth + 1);
}

const ANSIBLE_READS =
  /^(?:ping|setup|debug|stat|gather_facts|getent|service_facts|package_facts|win_ping|slurp|wait_for)$/;
const ANSIBLE_RUNS = /^(?:command|shell|raw)$/;

/** A module over hosts: some only look, some run a command. */
function ansibleTier(rest: readonly string[], depth: number): TierDecision {
  const given = after(rest, /^(?:-m|--module-name)$/) ?? 'command';
  const module = given.slice(given.lastIndexOf('.') + 1);
  const rule = `ansible.${module}`;
  if (rest.some((word) => /^(?:--version|--list-hosts)$/.test(word)))
    return { tier: 'read', rule: 'ansible', verb: 'list' };
  if (ANSIBLE_READS.test(module)) return { tier: 'read', rule, verb: undefined };
  const line = after(rest, /^(?:-a|--args)$/) ?? '';
  if (ANSIBLE_RUNS.test(module)) {
    return line === '' ? { tier: 'unknown', rule, verb: undefined } : lineTier(line, depth + 1);
  }
  const checks = rest.some((word) => /^(?:-C|--check)$/.test(word));
  return { tier: checks ? 'read' : 'mutate', rule, verb: undefined };
}

/** A verb decides only where all before it is known to be a group's name. */
function programTier(
  program: string,
  rule: ProgramRule,
  rest: readonly string[],
  depth: number,
  feed: Feed,
): TierDecision {
  if (program === 'gh' && rest[0] === 'api') return httpClientTier('gh', rest.slice(1));
  if (program === 'git') {
    const decision = gitTier(rest);
    if (decision !== undefined) return decision;
  }
  const verbs = operands(rest).map((word) => (rule.anyCase === true ? word.toLowerCase() : word));
  const unknown: TierDecision = { tier: 'unknown', rule: program, verb: undefined };
  if (rule.readingOption !== undefined && rest.some((word) => rule.readingOption?.test(word) === true)) {
    if (verbs.length === 0) return { tier: 'read', rule: program, verb: undefined };
  }
  let known = true;
  for (const [index, verb] of verbs.slice(0, VERBS_MAX).entries()) {
    const second = rule.second !== undefined && Object.hasOwn(rule.second, verb) ? rule.second[verb] : undefined;
    const sub = verbs[index + 1] ?? '';
    const both: Omit<TierDecision, 'tier'> = { rule: `${program}.${verb}`, verb: `${verb} ${sub}` };
    if (second?.mutate.has(sub) === true) return { ...both, tier: 'mutate' };
    if (second?.read.has(sub) === true) return known ? { ...both, tier: 'read' } : unknown;
    if (rule.mutate.has(verb)) {
      if (verb === 'exec') return execTier(program, rest, depth, feed);
      const needed = rule.readsWith === undefined ? undefined : argument(rule.readsWith, verb);
      if (needed !== undefined && rest.some((word) => needed.test(word))) return { tier: 'read', rule: program, verb };
      const dryRun = rule.dryRun === true && rest.some((word) => DRY_RUN.test(word));
      return { tier: dryRun ? 'read' : 'mutate', rule: dryRun ? `${program}.dry_run` : program, verb };
    }
    if (rule.read.has(verb)) return known ? { tier: 'read', rule: program, verb } : unknown;
    known &&= rule.groups?.has(verb) === true;
  }
  // What it is given to read may be commands.
  if (rest.length === 0 && (feed.text !== '' || feed.source !== '')) return unknown;
  if (rest.length === 0 || rest.includes('--help') || (verbs.length === 0 && rest.includes('-h')))
    return { tier: 'read', rule: `${program}.help`, verb: 'help' };
  return verbs.length === 0 && rest.some((word) => VERSION_ARGUMENT.test(word))
    ? { tier: 'read', rule: `${program}.help`, verb: 'help' }
    : unknown;
}

const VERBS_MAX = 5;
const DRY_RUN = /^--dry-run(?:=(?:client|server|true))?$/;

/** `kubectl exec pod -- cat /etc/hosts` and `docker exec db cat /etc/hosts` reach as far as what they run. */
function execTier(program: string, rest: readonly string[], depth: number, feed: Feed): TierDecision {
  const dashes = rest.indexOf('--');
  let command = dashes === -1 ? [] : rest.slice(dashes + 1);
  if (dashes === -1 && program === 'docker') {
    const words = rest.slice(rest.indexOf('exec') + 1);
    command = words.slice(afterOptions(words, EXEC_OPTIONS) + 1);
  }
  const rule = `${program}.exec`;
  if (command.length === 0) return { tier: 'mutate', rule, verb: 'exec' };
  return { tier: simpleCommandTier(command, depth + 1, feed).tier, rule, verb: 'exec' };
}

/** `find` reaches as far as the commands it runs on what it finds. */
function findTier(rest: readonly string[], depth: number): TierDecision {
  const decisions: TierDecision[] = [{ tier: 'read', rule: 'shell.find', verb: 'find' }];
  /** Where the command under way ends. What stands in it is looked into once, by what runs it: words are looked at as often as it is deep. */
  let end = 0;
  for (const [at, word] of rest.entries()) {
    if (/^-(?:delete|fprint|fls)/.test(word)) decisions.push({ tier: 'mutate', rule: 'shell.find', verb: 'delete' });
    if (at < end || !/^-(?:exec|ok)(?:dir)?$/.test(word)) continue;
    end = at + 1;
    while (end < rest.length && rest[end] !== ';' && !(rest[end] === '+' && rest[end - 1] === '{}')) end += 1;
    const inner = simpleCommandTier(rest.slice(at + 1, end), depth + 1);
    decisions.push({ tier: inner.tier, rule: 'shell.find', verb: 'execute' });
  }
  return farthest(decisions);
}

function cloudTier(name: string, rest: readonly string[]): TierDecision {
  const words = operands(rest);
  if (name === 'aws' && words[0] === 's3' && words[1] === 'cp' && words[2]?.startsWith('s3:') === true) {
    // Out of the bucket, to where nothing is changed.
    if (scratchFile(words[3] ?? '') || rest.includes('-')) return { tier: 'read', rule: name, verb: 'cp' };
  }
  // The first word is a service or a group of commands, which may be named like a verb: `gcloud run services list`.
  for (const word of words.slice(1, 6)) {
    const decision = operationTier(name, word);
    // A service of aws has its operations next to it; what no rule knows is followed by values.
    if (decision === undefined && name === 'aws' && word !== 'configure') break;
    if (decision === undefined) continue;
    return decision.tier === 'mutate' && rest.includes('--dry-run')
      ? { ...decision, tier: 'read', rule: `${name}.dry_run` }
      : decision;
  }
  return { tier: 'unknown', rule: name, verb: undefined };
}

/** What an operation of a cloud does by its name: `terminate-instances`, `DescribeInstances`; undefined for no operation. */
export function operationTier(rule: string, operation: string): TierDecision | undefined {
  const name = operation
    .replaceAll(/([a-z])([A-Z])/g, '$1-$2')
    .replaceAll('_', '-')
    .toLowerCase();
  const verb = name.split('-')[0];
  if (CLOUD_READ.test(name)) return { tier: 'read', rule, verb };
  return CLOUD_MUTATE.test(name) ? { tier: 'mutate', rule, verb } : undefined;
}

const VALUED_OPTION =
  /^-(?:n|l|c|f|o|p|h|a|u|U|s|H|P|C|i|D)$|^--(?:namespace|context|kubeconfig|cluster|region|profile|project|selector|container|output|server|kube-context|subscription|resource-group|zone|host|hostname|port|user|username|password|token|as|as-group|endpoint-url|endpoint|endpoints|address|git-dir|work-tree|config|stack|cwd|account|vhost|query|filters?|request-timeout|log-level|pattern|tls-ca-cert|cacert|cert|key)$/;

/** Words that are not options nor the value of one that is known to take one. */
function operands(words: readonly string[]): string[] {
  const found: string[] = [];
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? '';
    if (word === '--') break;
    if (VALUED_OPTION.test(word)) at += 1;
    else if (!word.startsWith('-')) found.push(word);
  }
  return found;
}

/** Whether a text begins with a program's name rather than with its arguments. */
export function startsWithProgram(text: string): boolean {
  const first = /^\s*([\w./-]+)/.exec(text)?.[1] ?? '';
  const name = first.slice(first.lastIndexOf('/') + 1);
  return knownProgram(name) !== undefined || READERS.has(name) || SHELLS.has(name) || wrapperOf(name) !== undefined;
}
