import {
  CLOUD_PROGRAMS,
  GRAMMAR,
  knownProgram,
  MUTATORS,
  type ProgramRule,
  READERS,
  SHELLS,
  SQL_CLIENTS,
  WRAPPERS,
} from './command-programs.ts';
import { shellCommands } from './shell-words.ts';
import { isSql, sqlTier } from './sql-tier.ts';
import { farthest, type TierDecision } from './tier-decision.ts';

const COMMAND_DEPTH_MAX = 4;

const CLOUD_READ = /^(?:describe|list|get|show|ls|filter|lookup|head|tail|search|query|read|wait|batch-get)(?:-|$)/;
const CLOUD_MUTATE =
  /^(?:create|delete|update|put|modify|terminate|start|stop|reboot|restart|set|attach|detach|run|invoke|deploy|apply|remove|add|scale|resize|rollback|failover|promote|enable|disable|revoke|authorize|cp|mv|rm|sync|tag|untag|import|reset|publish|send|patch|register|deregister|cancel|restore|associate|disassociate)(?:-|$)/;

/** The tier of a shell command line: of each command in it, the farthest-reaching. */
export function commandTier(line: string): TierDecision {
  return lineTier(line, 0);
}

function lineTier(line: string, depth: number): TierDecision {
  const parsed = shellCommands(line);
  const decisions = parsed.commands.map((words) => simpleCommandTier(words, depth));
  if (parsed.writesFile) decisions.push({ tier: 'mutate', rule: 'shell.redirect', verb: 'write' });
  if (parsed.cut) decisions.push({ tier: 'unknown', rule: 'shell.too_long', verb: undefined });
  if (decisions.length === 0) return { tier: 'unknown', rule: 'shell.empty', verb: undefined };
  return farthest(decisions);
}

function simpleCommandTier(words: readonly string[], depth: number): TierDecision {
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
  if (WRAPPERS.has(name) && rest.length > 0) {
    let next = 0;
    while (next < rest.length && /^-|^[\d.]+[smhd]?$|^[A-Za-z_]\w*=/.test(rest[next] ?? '')) next += 1;
    if (next < rest.length) return simpleCommandTier(rest.slice(next), depth + 1);
    return { tier: 'read', rule: `shell.${name === '!' ? 'not' : name}`, verb: undefined };
  }
  if (SHELLS.has(name)) {
    const flag = rest.findIndex((word) => /^-\w*c$/.test(word));
    const script = flag === -1 ? undefined : rest[flag + 1];
    return script === undefined
      ? { tier: 'unknown', rule: 'shell.script', verb: undefined }
      : lineTier(script, depth + 1);
  }
  const program = knownProgram(name);
  if (program !== undefined) return programTier(program.name, program.rule, rest, depth);
  if (CLOUD_PROGRAMS.has(name)) return cloudTier(name, rest);
  if (SQL_CLIENTS.has(name)) {
    const sql = rest.find(isSql);
    return sql === undefined ? { tier: 'unknown', rule: `shell.${name}`, verb: undefined } : sqlTier(sql);
  }
  if (name === 'curl' || name === 'wget') return httpClientTier(name, rest);
  if (name === 'sed') {
    const inPlace = rest.some((word) => /^-[a-zA-Z]*i|^--in-place/.test(word));
    return { tier: inPlace ? 'mutate' : 'read', rule: 'shell.sed', verb: inPlace ? 'edit' : 'read' };
  }
  if (name === 'find') return findTier(rest, depth);
  if (name === 'redis-cli') {
    const verb = rest.find((word) => /^[a-z]{3,12}$/i.test(word))?.toLowerCase();
    const read =
      verb !== undefined &&
      /^(?:get|mget|info|keys|scan|ttl|type|exists|llen|hgetall|hget|ping|dbsize|slowlog)$/.test(verb);
    return { tier: read ? 'read' : 'unknown', rule: 'shell.redis', verb: read ? verb : undefined };
  }
  if (READERS.has(name)) return { tier: 'read', rule: 'shell.reader', verb: 'read' };
  if (MUTATORS.has(name)) return { tier: 'mutate', rule: 'shell.mutator', verb: undefined };
  return { tier: 'unknown', rule: 'shell.unknown_program', verb: undefined };
}

function programTier(program: string, rule: ProgramRule, rest: readonly string[], depth: number): TierDecision {
  const verbs = positionals(rest);
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
      if (program === 'kubectl' && verb === 'exec') return execTier(rest, depth);
      return { tier: dryRun ? 'read' : 'mutate', rule: dryRun ? `${program}.dry_run` : program, verb };
    }
  }
  if (rest.length === 0 || rest.includes('--help') || rest.includes('-h'))
    return { tier: 'read', rule: `${program}.help`, verb: 'help' };
  return { tier: 'unknown', rule: program, verb: undefined };
}

/** `kubectl exec pod -- cat /etc/hosts` reaches as far as what it runs. */
function execTier(rest: readonly string[], depth: number): TierDecision {
  const dashes = rest.indexOf('--');
  if (dashes === -1 || dashes + 1 >= rest.length) return { tier: 'mutate', rule: 'kubectl.exec', verb: 'exec' };
  const inner = simpleCommandTier(rest.slice(dashes + 1), depth + 1);
  return { tier: inner.tier, rule: 'kubectl.exec', verb: 'exec' };
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
  for (const word of positionals(rest).slice(0, 5)) {
    if (CLOUD_READ.test(word)) return { tier: 'read', rule: name, verb: word.split('-')[0] };
    if (CLOUD_MUTATE.test(word)) return { tier: 'mutate', rule: name, verb: word.split('-')[0] };
  }
  return { tier: 'unknown', rule: name, verb: undefined };
}

/**
 * Addresses that answer questions sent with POST, because questions are long: Elasticsearch and OpenSearch, Prometheus and
 * Mimir, Loki, Tempo, Grafana's data sources.
 */
const QUERY_ADDRESS =
  /^https?:\/\/[^\s?#]*\/(?:_search|_msearch|_count|_field_caps|api\/v1\/(?:query|query_range|query_exemplars|series|labels)|loki\/api\/v1\/(?:query|query_range|series|labels)|api\/ds\/query|api\/search)(?:[?#]|$)/i;

function httpClientTier(name: string, rest: readonly string[]): TierDecision {
  const at = rest.findIndex((word) => word === '-X' || word === '--request' || word === '--method');
  const joined = rest
    .map((word) => /^(?:-X|--request=|--method=)([A-Za-z]+)$/.exec(word)?.[1])
    .find((word) => word !== undefined);
  const method = (joined ?? (at === -1 ? undefined : rest[at + 1]))?.toLowerCase();
  const body = rest.some((word) =>
    /^(?:-d|--data|--data-\w+|-F|--form|-T|--upload-file|--json|--post-data|--post-file|--body-data)(?:=|$)|^-d./.test(
      word,
    ),
  );
  const verb = method ?? (body ? 'post' : 'get');
  const asks = (verb === 'post' || verb === 'get') && rest.some((word) => QUERY_ADDRESS.test(word));
  const read = asks || verb === 'get' || verb === 'head' || verb === 'options';
  return { tier: read ? 'read' : 'mutate', rule: `shell.${name}`, verb: /^[a-z]{3,7}$/.test(verb) ? verb : undefined };
}

/** Words that are not options; the value of an option that is written apart is taken for a word, which is why callers look at several. */
function positionals(words: readonly string[]): string[] {
  const found: string[] = [];
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? '';
    if (word === '--') break;
    if (
      /^-(?:n|l|c|f|o|p)$|^--(?:namespace|context|kubeconfig|cluster|region|profile|project|selector|container|output|server|kube-context|subscription|resource-group|zone)$/.test(
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
  return knownProgram(name) !== undefined || READERS.has(name) || SHELLS.has(name) || WRAPPERS.has(name);
}
