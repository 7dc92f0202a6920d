import {
  CHANGING_ARGUMENTS,
  CLOUD_PROGRAMS,
  EXEC_OPTIONS,
  GRAMMAR,
  knownProgram,
  MUTATORS,
  type ProgramRule,
  READERS,
  READING_ARGUMENTS,
  SHELLS,
  SQL_CLIENTS,
  SSH_OPTIONS,
  wrapperOptions,
} from './command-programs.ts';
import { httpClientTier } from './http-tier.ts';
import { scratchFile, shellCommands } from './shell-words.ts';
import { isSql, sqlTier } from './sql-tier.ts';
import { farthest, type TierDecision } from './tier-decision.ts';

const COMMAND_DEPTH_MAX = 4;

const CLOUD_READ =
  /^(?:describe|list|get|show|ls|filter|lookup|head|tail|search|query|read|wait|batch-get|scan|view|preview|validate|estimate|start-query$)(?:-|$)/;
const CLOUD_MUTATE =
  /^(?:create|delete|update|put|modify|terminate|start|stop|reboot|restart|set|attach|detach|run|invoke|deploy|apply|remove|add|scale|resize|rollback|failover|promote|enable|disable|revoke|authorize|cp|mv|rm|rb|mb|sync|tag|untag|import|reset|publish|send|patch|register|deregister|cancel|restore|associate|disassociate|change|execute|deallocate|allocate|release|swap|schedule|replace|upload|purge|abort|assign|unassign|migrate|upgrade|move|copy|drain|suspend|resume)(?:-|$)/;

/** The tier of a shell command line: of each command in it, the farthest-reaching. */
export function commandTier(line: string): TierDecision {
  return lineTier(line, 0);
}

function lineTier(line: string, depth: number): TierDecision {
  const parsed = shellCommands(line);
  const decisions = parsed.commands.map(({ words, input }) => simpleCommandTier(words, depth, input));
  if (parsed.writesFile) decisions.push({ tier: 'mutate', rule: 'shell.redirect', verb: 'write' });
  if (parsed.cut) decisions.push({ tier: 'unknown', rule: 'shell.too_long', verb: undefined });
  if (decisions.length === 0) return { tier: 'unknown', rule: 'shell.empty', verb: undefined };
  return farthest(decisions);
}

/** `input`: what the line gives the command to read, which is what a shell or a client of a database runs. */
function simpleCommandTier(words: readonly string[], depth: number, input = ''): TierDecision {
  let at = 0;
  while (at < words.length && (/^[A-Za-z_]\w*=/.test(words[at] ?? '') || GRAMMAR.has(words[at] ?? ''))) {
    // `for x in …` lists words, not a command.
    if (words[at] === 'for' || words[at] === 'case') return { tier: 'read', rule: 'shell.grammar', verb: undefined };
    at += 1;
  }
  const head = words[at];
  if (head === undefined) return { tier: 'read', rule: 'shell.assignment', verb: undefined };
  const name = head.slice(head.lastIndexOf('/') + 1);
  const rest = words.slice(at + 1);
  if (depth > COMMAND_DEPTH_MAX) return { tier: 'unknown', rule: 'shell.too_deep', verb: undefined };
  const options = rest.length === 0 ? undefined : wrapperOptions(name);
  if (options !== undefined) {
    const next = afterOptions(rest, options, /^[\d.]+[smhd]?$|^[A-Za-z_]\w*=/);
    if (next < rest.length) return simpleCommandTier(rest.slice(next), depth + 1, input);
    return { tier: 'read', rule: `shell.${name === '!' ? 'not' : name}`, verb: undefined };
  }
  if (name === 'eval') return lineTier(rest.join(' '), depth + 1);
  if (name === 'ssh') return remoteTier(rest.slice(afterOptions(rest, SSH_OPTIONS) + 1), depth, input);
  if (SHELLS.has(name)) {
    const flag = rest.findIndex((word) => /^-\w*c$/.test(word));
    const script = (flag === -1 ? undefined : rest[flag + 1]) ?? input;
    return script === '' ? { tier: 'unknown', rule: 'shell.script', verb: undefined } : lineTier(script, depth + 1);
  }
  const program = knownProgram(name);
  if (program !== undefined) return programTier(program.name, program.rule, rest, depth, input);
  if (CLOUD_PROGRAMS.has(name)) return cloudTier(name, rest);
  if (SQL_CLIENTS.has(name)) {
    const sql = givenSql(rest) || input;
    return sql === '' ? { tier: 'unknown', rule: `shell.${name}`, verb: undefined } : sqlTier(sql);
  }
  if (name === 'curl' || name === 'wget') return httpClientTier(name, rest);
  if (name === 'sed') {
    const inPlace = rest.some((word) => /^-[a-zA-Z]*i|^--in-place/.test(word));
    return { tier: inPlace ? 'mutate' : 'read', rule: 'shell.sed', verb: inPlace ? 'edit' : 'read' };
  }
  if (name === 'find') return findTier(rest, depth);
  if (name === 'tee') {
    const writes = rest.some((word) => !word.startsWith('-') && !scratchFile(word));
    return { tier: writes ? 'mutate' : 'read', rule: 'shell.tee', verb: 'write' };
  }
  if (name.startsWith('kafka-')) {
    const acts = rest.some((word) => /^--(?:delete|alter|create|execute|reset-offsets)/.test(word));
    const looks = rest.some((word) => /^--(?:describe|list|verify)/.test(word));
    return { tier: acts ? 'mutate' : looks ? 'read' : 'unknown', rule: 'shell.kafka', verb: undefined };
  }
  if (rest.some((word) => argument(READING_ARGUMENTS, name)?.test(word) === true)) {
    return { tier: 'read', rule: `shell.${name}`, verb: 'read' };
  }
  if (rest.some((word) => argument(CHANGING_ARGUMENTS, name)?.test(word) === true)) {
    // What a script of awk runs is not looked into.
    return { tier: name === 'awk' ? 'unknown' : 'mutate', rule: `shell.${name}`, verb: undefined };
  }
  if (READERS.has(name)) return { tier: 'read', rule: 'shell.reader', verb: 'read' };
  if (MUTATORS.has(name)) return { tier: 'mutate', rule: 'shell.mutator', verb: undefined };
  return { tier: 'unknown', rule: 'shell.unknown_program', verb: undefined };
}

/** What a client of a database is told to run: `-c …`, `--execute=…`, or any word that begins as SQL does; `''` for nothing. */
function givenSql(words: readonly string[]): string {
  for (const [at, word] of words.entries()) {
    const joined = /^--(?:execute|command|query)=(.*)$/s.exec(word)?.[1];
    if (joined !== undefined) return joined;
    if (/^(?:-[ceq]|--(?:execute|command|query))$/.test(word) && (words[at + 1] ?? '') !== '')
      return words[at + 1] ?? '';
  }
  return words.find(isSql) ?? '';
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
function remoteTier(words: readonly string[], depth: number, input: string): TierDecision {
  const line = words.length > 0 ? words.join(' ') : input;
  return line === '' ? { tier: 'unknown', rule: 'shell.ssh', verb: undefined } : lineTier(line, depth + 1);
}

function programTier(
  program: string,
  rule: ProgramRule,
  rest: readonly string[],
  depth: number,
  input: string,
): TierDecision {
  if (program === 'gh' && rest[0] === 'api') return httpClientTier('gh', rest.slice(1));
  const verbs = positionals(rest).map((word) => (rule.anyCase === true ? word.toLowerCase() : word));
  const dryRun = rest.some((word) => /^--dry-run(?:=(?:client|server|true))?$/.test(word));
  for (const [index, verb] of verbs.slice(0, 3 + (rule.groups ?? 0)).entries()) {
    const second = rule.second !== undefined && Object.hasOwn(rule.second, verb) ? rule.second[verb] : undefined;
    if (second !== undefined) {
      const sub = verbs[index + 1] ?? '';
      const both = `${verb} ${sub}`;
      if (second.read.has(sub)) return { tier: 'read', rule: `${program}.${verb}`, verb: both };
      if (second.mutate.has(sub)) return { tier: 'mutate', rule: `${program}.${verb}`, verb: both };
      break;
    }
    if (rule.read.has(verb)) return { tier: 'read', rule: program, verb };
    if (rule.mutate.has(verb)) {
      if (verb === 'exec') return execTier(program, rest, depth, input);
      return { tier: dryRun ? 'read' : 'mutate', rule: dryRun ? `${program}.dry_run` : program, verb };
    }
  }
  if (rest.length === 0 || rest.includes('--help') || (verbs.length === 0 && rest.includes('-h')))
    return { tier: 'read', rule: `${program}.help`, verb: 'help' };
  return { tier: 'unknown', rule: program, verb: undefined };
}

/** `kubectl exec pod -- cat /etc/hosts` and `docker exec db cat /etc/hosts` reach as far as what they run. */
function execTier(program: string, rest: readonly string[], depth: number, input: string): TierDecision {
  const dashes = rest.indexOf('--');
  let command = dashes === -1 ? [] : rest.slice(dashes + 1);
  if (dashes === -1 && program === 'docker') {
    const words = rest.slice(rest.indexOf('exec') + 1);
    command = words.slice(afterOptions(words, EXEC_OPTIONS) + 1);
  }
  const rule = `${program}.exec`;
  if (command.length === 0) return { tier: 'mutate', rule, verb: 'exec' };
  return { tier: simpleCommandTier(command, depth + 1, input).tier, rule, verb: 'exec' };
}

/** `find` reaches as far as the commands it runs on what it finds. */
function findTier(rest: readonly string[], depth: number): TierDecision {
  const decisions: TierDecision[] = [{ tier: 'read', rule: 'shell.find', verb: 'find' }];
  for (const [at, word] of rest.entries()) {
    if (/^-(?:delete|fprint)/.test(word)) decisions.push({ tier: 'mutate', rule: 'shell.find', verb: 'delete' });
    if (!/^-(?:exec|ok)(?:dir)?$/.test(word)) continue;
    const inner = simpleCommandTier(rest.slice(at + 1), depth + 1);
    decisions.push({ tier: inner.tier, rule: 'shell.find', verb: 'execute' });
  }
  return farthest(decisions);
}

function cloudTier(name: string, rest: readonly string[]): TierDecision {
  // The first word is a service or a group of commands, which may be named like a verb: `gcloud run services list`.
  for (const word of positionals(rest).slice(1, 6)) {
    const decision = operationTier(name, word);
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

/** Words that are not options; the value of an option that is written apart is taken for a word, which is why callers look at several. */
function positionals(words: readonly string[]): string[] {
  const found: string[] = [];
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? '';
    if (word === '--') break;
    if (
      /^-(?:n|l|c|f|o|p|h|a)$|^--(?:namespace|context|kubeconfig|cluster|region|profile|project|selector|container|output|server|kube-context|subscription|resource-group|zone)$/.test(
        word,
      )
    ) {
      at += 1;
      continue;
    }
    if (!word.startsWith('-')) found.push(word);
  }
  return found;
}

/** Whether a text begins with a program's name rather than with its arguments. */
export function startsWithProgram(text: string): boolean {
  const first = /^\s*([\w./-]+)/.exec(text)?.[1] ?? '';
  const name = first.slice(first.lastIndexOf('/') + 1);
  return (
    knownProgram(name) !== undefined || READERS.has(name) || SHELLS.has(name) || wrapperOptions(name) !== undefined
  );
}
