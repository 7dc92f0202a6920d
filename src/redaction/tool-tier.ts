import type { ToolTier } from '../pipeline/facts.ts';
import { shellCommands } from './shell-words.ts';

/** How far a tool call can reach, the rule that said so, and the operation's verb where one showed. */
export interface TierDecision {
  readonly tier: ToolTier;
  readonly rule: string;
  readonly verb: string | undefined;
}

interface ProgramRule {
  /** Words that come before the verb, such as `az vm`: how many to skip at most while none is a known verb. */
  readonly groups?: number;
  readonly read: readonly string[];
  readonly mutate: readonly string[];
  /** Sub-verbs that decide where the verb alone does not: `rollout undo`. */
  readonly second?: Readonly<Record<string, { readonly read: readonly string[]; readonly mutate: readonly string[] }>>;
}

/** Programs whose sub-command tells reading from changing. A sub-command that is not listed leaves the tier unknown. */
const PROGRAMS: Readonly<Record<string, ProgramRule>> = {
  kubectl: {
    read: [
      'get',
      'describe',
      'logs',
      'top',
      'explain',
      'version',
      'api-resources',
      'api-versions',
      'cluster-info',
      'events',
      'diff',
      'wait',
      // Tunnels from where the agent runs: what goes through them shows in other calls.
      'port-forward',
      'proxy',
    ],
    mutate: [
      'apply',
      'create',
      'delete',
      'patch',
      'edit',
      'replace',
      'scale',
      'autoscale',
      'set',
      'label',
      'annotate',
      'cordon',
      'uncordon',
      'drain',
      'taint',
      'expose',
      'run',
      'exec',
      'cp',
      'attach',
      'debug',
    ],
    second: {
      rollout: { read: ['status', 'history'], mutate: ['restart', 'undo', 'pause', 'resume'] },
      auth: { read: ['can-i', 'whoami'], mutate: ['reconcile'] },
      config: {
        read: ['view', 'get-contexts', 'current-context', 'get-clusters'],
        mutate: ['set', 'use-context', 'set-context', 'delete-context'],
      },
    },
  },
  helm: {
    read: ['list', 'ls', 'status', 'history', 'get', 'show', 'search', 'template', 'lint', 'version', 'env'],
    mutate: ['install', 'upgrade', 'rollback', 'uninstall', 'delete', 'push', 'test'],
  },
  terraform: {
    read: ['plan', 'show', 'output', 'validate', 'version', 'graph', 'providers', 'fmt'],
    mutate: ['apply', 'destroy', 'import', 'taint', 'untaint', 'refresh', 'init'],
    second: { state: { read: ['list', 'show', 'pull'], mutate: ['mv', 'rm', 'push', 'replace-provider'] } },
  },
  argocd: {
    groups: 1,
    read: ['get', 'list', 'diff', 'history', 'logs', 'resources', 'manifests'],
    mutate: ['sync', 'rollback', 'delete', 'set', 'create', 'patch', 'terminate-op', 'unset'],
  },
  istioctl: {
    read: ['analyze', 'version', 'proxy-status', 'proxy-config', 'describe', 'validate'],
    mutate: ['install', 'uninstall', 'upgrade', 'kube-inject'],
  },
  docker: {
    read: ['ps', 'images', 'logs', 'inspect', 'stats', 'top', 'version', 'info', 'events', 'port', 'diff', 'history'],
    mutate: [
      'run',
      'exec',
      'start',
      'stop',
      'restart',
      'kill',
      'rm',
      'rmi',
      'pull',
      'push',
      'build',
      'cp',
      'update',
      'pause',
      'unpause',
      'prune',
    ],
  },
  systemctl: {
    read: [
      'status',
      'show',
      'list-units',
      'list-timers',
      'is-active',
      'is-enabled',
      'is-failed',
      'cat',
      'list-unit-files',
    ],
    mutate: [
      'start',
      'stop',
      'restart',
      'reload',
      'enable',
      'disable',
      'mask',
      'unmask',
      'daemon-reload',
      'kill',
      'edit',
    ],
  },
  git: {
    read: [
      'log',
      'show',
      'diff',
      'status',
      'blame',
      'grep',
      'ls-files',
      'ls-tree',
      'rev-parse',
      'describe',
      'shortlog',
      'cat-file',
      // Copies of a repository; what they come from stays as it is.
      'clone',
      'fetch',
    ],
    mutate: [
      'push',
      'commit',
      'merge',
      'rebase',
      'reset',
      'revert',
      'checkout',
      'switch',
      'restore',
      'cherry-pick',
      'apply',
      'pull',
      'clean',
      'rm',
      'mv',
      'add',
      'stash',
    ],
  },
  gh: {
    groups: 1,
    read: ['list', 'view', 'status', 'diff', 'checks', 'watch'],
    mutate: ['create', 'merge', 'close', 'edit', 'delete', 'comment', 'rerun', 'run', 'cancel', 'review', 'reopen'],
  },
};
const ALIASES: Readonly<Record<string, string>> = {
  k: 'kubectl',
  oc: 'kubectl',
  tofu: 'terraform',
  podman: 'docker',
  nerdctl: 'docker',
};

/** Cloud command lines name their operations by a verb at the start of a word: `describe-instances`, `list`. */
const CLOUD_PROGRAMS: ReadonlySet<string> = new Set(['aws', 'gcloud', 'az', 'doctl']);
const CLOUD_READ = /^(?:describe|list|get|show|ls|filter|lookup|head|tail|search|query|read|wait|batch-get)(?:-|$)/;
const CLOUD_MUTATE =
  /^(?:create|delete|update|put|modify|terminate|start|stop|reboot|restart|set|attach|detach|run|invoke|deploy|apply|remove|add|scale|resize|rollback|failover|promote|enable|disable|revoke|authorize|cp|mv|rm|sync|tag|untag|import|reset|publish|send|patch|register|deregister|cancel|restore|associate|disassociate)(?:-|$)/;

/** Programs that only look. */
const READERS: ReadonlySet<string> = new Set([
  'cat',
  'ls',
  'head',
  'tail',
  'grep',
  'egrep',
  'fgrep',
  'rg',
  'zgrep',
  'wc',
  'sort',
  'uniq',
  'cut',
  'tr',
  'jq',
  'yq',
  'awk',
  'less',
  'more',
  'ps',
  'top',
  'df',
  'du',
  'free',
  'uptime',
  'date',
  'whoami',
  'id',
  'hostname',
  'uname',
  'env',
  'printenv',
  'pwd',
  'which',
  'file',
  'stat',
  'dig',
  'nslookup',
  'host',
  'ping',
  'traceroute',
  'netstat',
  'ss',
  'lsof',
  'journalctl',
  'dmesg',
  'vmstat',
  'iostat',
  'echo',
  'printf',
  'true',
  'false',
  'test',
  '[',
  'cd',
  'sleep',
  'diff',
  'cmp',
  'column',
  'nl',
  'tac',
  'rev',
  'seq',
  'basename',
  'dirname',
  'readlink',
  'realpath',
  'md5sum',
  'sha256sum',
  'base64',
  'xxd',
  'strings',
  'tree',
  'set',
  'export',
  'read',
  'wait',
  'exit',
  'getent',
  'promtool',
  'logcli',
  'stern',
  'time',
  'yes',
  'exec_wait',
  'type',
  'command',
  'source',
  'local',
  'unset',
  'break',
  'continue',
  'return',
  ':',
]);
const MUTATORS: ReadonlySet<string> = new Set([
  'rm',
  'mv',
  'cp',
  'mkdir',
  'rmdir',
  'touch',
  'chmod',
  'chown',
  'chgrp',
  'ln',
  'dd',
  'truncate',
  'tee',
  'kill',
  'pkill',
  'killall',
  'reboot',
  'shutdown',
  'halt',
  'poweroff',
  'mount',
  'umount',
  'iptables',
  'nft',
  'tc',
  'sysctl',
  'useradd',
  'userdel',
  'usermod',
  'passwd',
  'crontab',
  'apt',
  'apt-get',
  'yum',
  'dnf',
  'apk',
  'pip',
  'pip3',
  'npm',
  'yarn',
  'brew',
  'make',
  'ansible',
  'ansible-playbook',
  'service',
  'scp',
  'rsync',
  'patch',
  'install',
  'mkfs',
  'fdisk',
  'swapoff',
  'swapon',
  'redis-benchmark',
]);
/** Programs that run the rest of their line as another command. */
const WRAPPERS: ReadonlySet<string> = new Set([
  'sudo',
  'nohup',
  'timeout',
  'time',
  'nice',
  'watch',
  'env',
  'command',
  'exec',
  'xargs',
  'stdbuf',
  'ionice',
  'doas',
  'then',
  'do',
  'else',
  '!',
  'if',
  'while',
  'until',
]);
/** Words of the shell's own grammar. */
const GRAMMAR: ReadonlySet<string> = new Set([
  'fi',
  'done',
  'esac',
  'for',
  'case',
  'in',
  '{',
  '}',
  '(',
  ')',
  'function',
]);
const SHELLS: ReadonlySet<string> = new Set(['sh', 'bash', 'zsh', 'dash', 'ash', 'ksh']);
const SQL_CLIENTS: ReadonlySet<string> = new Set([
  'psql',
  'mysql',
  'mariadb',
  'sqlite3',
  'clickhouse-client',
  'clickhouse',
  'cqlsh',
  'bq',
  'sqlcmd',
  'trino',
]);

const SQL_READ =
  /^\s*(?:\(|\s|--[^\n]*\n|\/\*[\s\S]{0,1000}?\*\/)*(?:select|show|describe|desc|explain|values|with|use|pragma)\b/i;
const SQL_MUTATE =
  /\b(?:insert\s+into|update\s+[\w."`]+\s+set|delete\s+from|drop\s+\w|truncate\s+\w|alter\s+\w|create\s+\w|grant\s+\w|revoke\s+\w|merge\s+into|replace\s+into|vacuum|reindex|kill\s+\w|set\s+global|call\s+\w|into\s+outfile|optimize\s+table|explain\s+analyze\s+(?:insert|update|delete))/i;
const SQL_START =
  /^\s*(?:select|show|describe|explain|with|insert|update|delete|drop|truncate|alter|create|grant|revoke|merge|replace|vacuum|call)\b/i;

const NAME_READ: ReadonlySet<string> = new Set([
  'get',
  'list',
  'read',
  'query',
  'search',
  'describe',
  'show',
  'fetch',
  'find',
  'lookup',
  'look',
  'view',
  'inspect',
  'check',
  'count',
  'analyze',
  'analyse',
  'diff',
  'compare',
  'explain',
  'summarize',
  'summarise',
  'logs',
  'log',
  'metrics',
  'traces',
  'trace',
  'grep',
  'glob',
  'ls',
  'cat',
  'status',
  'history',
  'top',
  'browse',
  'retrieve',
  'discover',
  'validate',
  'ping',
  'websearch',
  'webfetch',
  'select',
  'recall',
  'observe',
  'promql',
  'logql',
  'traceql',
]);
const NAME_MUTATE: ReadonlySet<string> = new Set([
  'create',
  'update',
  'delete',
  'patch',
  'apply',
  'restart',
  'rollback',
  'scale',
  'deploy',
  'write',
  'edit',
  'set',
  'remove',
  'drop',
  'kill',
  'stop',
  'start',
  'terminate',
  'drain',
  'cordon',
  'uncordon',
  'put',
  'post',
  'push',
  'merge',
  'install',
  'uninstall',
  'upgrade',
  'reboot',
  'enable',
  'disable',
  'toggle',
  'send',
  'revert',
  'undo',
  'insert',
  'upsert',
  'rename',
  'move',
  'failover',
  'promote',
  'trigger',
  'submit',
  'cancel',
  'purge',
  'flush',
  'reset',
  'modify',
  'replace',
  'annotate',
  'label',
  'taint',
  'evict',
  'resume',
  'pause',
  'release',
]);
/**
 * Verbs of tools that run what their arguments hold (`execute_python`, `run_sql`): they reach as far as that does, so a name
 * alone says nothing. Where every call of a code interpreter counted as a change, the real ones went unseen among them.
 */
const NAME_RUN: ReadonlySet<string> = new Set(['execute', 'exec', 'run', 'eval', 'evaluate', 'invoke', 'interpreter']);
/** What a running tool may run without changing anything, when its name says so: `run_query`, `execute_promql`. */
const NAME_RUN_READ: ReadonlySet<string> = new Set(['query', 'search', 'promql', 'logql', 'traceql', 'diagnostics']);
/** Nouns of the incident record itself: writing there changes nothing in production. */
const RECORD_TOOL =
  /(?:^|[_.-])(?:hypothesis|hypotheses|stance|incident_note|record_note|record_entry|timeline|evidence|follow_?up|decision|handoff|incident_status|incident_record|docket)(?:$|[_.-])/;

const SHELL_TOOL =
  /(?:^|[_.-])(?:bash|shell|sh|terminal|exec|exec_command|run_command|run_shell_command|execute_command|local_shell|command|run_terminal_cmd|cmd|powershell)$/i;
/** Tools that type into, or wait on, a command started before: Codex's `write_stdin` polls with empty `chars`. */
const SESSION_INPUT_TOOL = /(?:^|[_.-])(?:write_stdin|send_input|write_to_terminal)$/i;
const SESSION_INPUT_MEMBER: ReadonlySet<string> = new Set(['chars', 'input', 'text', 'data']);
const COMMAND_MEMBER: ReadonlySet<string> = new Set([
  'command',
  'cmd',
  'commands',
  'script',
  'full_command',
  'bash_command',
  'shell_command',
  'args',
  'argv',
  'command_line',
]);
const SQL_MEMBER: ReadonlySet<string> = new Set(['sql', 'query', 'statement']);
const METHOD_MEMBER: ReadonlySet<string> = new Set(['method', 'http_method', 'verb', 'request_method']);

const TIER_ORDER: readonly ToolTier[] = ['read', 'write_record', 'unknown', 'mutate'];

/**
 * Decides what a tool call can change, from its name and its arguments (parsed JSON where they are JSON, text otherwise).
 * Commands outweigh the name: `run_shell` reading logs reads. Of several commands the farthest-reaching decides. What no
 * rule knows is `unknown`.
 */
export function toolTier(toolName: string, callArguments: readonly unknown[]): TierDecision {
  const words = nameWords(toolName);
  if (SESSION_INPUT_TOOL.test(toolName)) return sessionInputTier(callArguments);
  const shell = SHELL_TOOL.test(toolName);
  const program = words.map((word) => ALIASES[word] ?? word).find((word) => Object.hasOwn(PROGRAMS, word));
  const decisions: TierDecision[] = [];
  for (const value of callArguments) {
    if (typeof value === 'string') {
      if (shell) decisions.push(commandTier(value));
      else if (SQL_START.test(value)) decisions.push(sqlTier(value));
      continue;
    }
    for (const [key, member] of membersOf(value)) {
      const text = textOf(member);
      if (text === undefined) continue;
      const name = key.toLowerCase();
      if (COMMAND_MEMBER.has(name) && (shell || name !== 'args' || program === undefined)) {
        // `kubectl` given as the tool: its arguments start at the verb.
        const line = program !== undefined && !startsWithProgram(text) ? `${program} ${text}` : text;
        decisions.push(commandTier(line));
      } else if (name === 'args' && program !== undefined) {
        decisions.push(commandTier(startsWithProgram(text) ? text : `${program} ${text}`));
      } else if (SQL_MEMBER.has(name) && SQL_START.test(text)) {
        decisions.push(sqlTier(text));
      } else if (METHOD_MEMBER.has(name) && /^[a-z]{3,7}$/i.test(text)) {
        const read = /^(?:get|head|options)$/i.test(text);
        const write = /^(?:post|put|patch|delete)$/i.test(text);
        if (read || write) {
          decisions.push({ tier: read ? 'read' : 'mutate', rule: 'http.method', verb: text.toLowerCase() });
        }
      }
    }
  }
  if (decisions.length > 0) return farthest(decisions);
  if (shell) return { tier: 'unknown', rule: 'shell.no_command', verb: undefined };
  return nameTier(toolName, words);
}

/** What is typed counts as a command line; typing nothing waits for output. */
function sessionInputTier(callArguments: readonly unknown[]): TierDecision {
  const members = callArguments.flatMap(membersOf);
  if (members.length === 0) return { tier: 'unknown', rule: 'shell.no_command', verb: undefined };
  const typed = members
    .filter(([key]) => SESSION_INPUT_MEMBER.has(key.toLowerCase()))
    .map(([, value]) => (typeof value === 'string' ? value : ''))
    .filter((text) => text !== '');
  if (typed.length === 0) return { tier: 'read', rule: 'shell.wait', verb: 'wait' };
  return farthest(typed.map(commandTier));
}

function nameTier(toolName: string, words: readonly string[]): TierDecision {
  if (toolName === '') return { tier: 'unknown', rule: 'none', verb: undefined };
  const mutating = words.find((word) => NAME_MUTATE.has(word));
  const reading = words.find((word) => NAME_READ.has(word));
  if (mutating !== undefined && RECORD_TOOL.test(words.join('_'))) {
    return { tier: 'write_record', rule: 'name.record', verb: mutating };
  }
  if (
    words.some((word) => word === 'add' || word === 'propose' || word === 'record') &&
    RECORD_TOOL.test(words.join('_'))
  ) {
    return { tier: 'write_record', rule: 'name.record', verb: 'add' };
  }
  // A name that holds both (`get_or_create`) can do both.
  if (mutating === undefined && words.some((word) => NAME_RUN.has(word))) {
    const asks = words.find((word) => NAME_RUN_READ.has(word));
    if (asks !== undefined && !words.includes('sql')) return { tier: 'read', rule: 'name.verb', verb: asks };
    return { tier: 'unknown', rule: 'name.run', verb: undefined };
  }
  if (mutating !== undefined) return { tier: 'mutate', rule: 'name.verb', verb: mutating };
  if (reading !== undefined) return { tier: 'read', rule: 'name.verb', verb: reading };
  return { tier: 'unknown', rule: 'none', verb: undefined };
}

/** The tier of a shell command line: of each command in it, the farthest-reaching. */
export function commandTier(line: string): TierDecision {
  const parsed = shellCommands(line);
  const decisions = parsed.commands.map((words) => simpleCommandTier(words, 0));
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
  if (depth > 4) return { tier: 'unknown', rule: 'shell.too_deep', verb: undefined };
  if (WRAPPERS.has(name) && rest.length > 0) {
    let next = 0;
    while (next < rest.length && /^-|^[\d.]+[smhd]?$|^[A-Za-z_]\w*=/.test(rest[next] ?? '')) next += 1;
    if (next < rest.length) return simpleCommandTier(rest.slice(next), depth + 1);
    return { tier: 'read', rule: `shell.${name === '!' ? 'not' : name}`, verb: undefined };
  }
  if (SHELLS.has(name)) {
    const script = rest[rest.findIndex((word) => /^-\w*c$/.test(word)) + 1];
    if (rest.some((word) => /^-\w*c$/.test(word)) && script !== undefined)
      return farthest(shellCommands(script).commands.map((each) => simpleCommandTier(each, depth + 1)));
    return { tier: 'unknown', rule: 'shell.script', verb: undefined };
  }
  const program = ALIASES[name] ?? name;
  const rule = Object.hasOwn(PROGRAMS, program) ? PROGRAMS[program] : undefined;
  if (rule !== undefined) return programTier(program, rule, rest, depth);
  if (CLOUD_PROGRAMS.has(name)) return cloudTier(name, rest);
  if (SQL_CLIENTS.has(name)) {
    const sql = rest.find((word) => SQL_START.test(word));
    return sql === undefined ? { tier: 'unknown', rule: `shell.${name}`, verb: undefined } : sqlTier(sql);
  }
  if (name === 'curl' || name === 'wget') return httpClientTier(name, rest);
  if (name === 'sed') {
    const inPlace = rest.some((word) => /^-[a-zA-Z]*i|^--in-place/.test(word));
    return { tier: inPlace ? 'mutate' : 'read', rule: 'shell.sed', verb: inPlace ? 'edit' : 'read' };
  }
  if (name === 'find') {
    const acts = rest.some((word) => /^-(?:delete|exec|execdir|ok|okdir|fprint)/.test(word));
    return { tier: acts ? 'mutate' : 'read', rule: 'shell.find', verb: acts ? 'execute' : 'find' };
  }
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
      if (second.read.includes(sub)) return { tier: 'read', rule: `${program}.${verb}`, verb: both };
      if (second.mutate.includes(sub)) return { tier: 'mutate', rule: `${program}.${verb}`, verb: both };
      break;
    }
    if (rule.read.includes(verb)) return { tier: 'read', rule: program, verb };
    if (rule.mutate.includes(verb)) {
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

/** The tier of SQL text: reading statements read, everything that is not plainly one of them mutates. */
export function sqlTier(sql: string): TierDecision {
  const plain = sql.replaceAll(/'(?:[^'\\]|\\.|'')*'/g, "''");
  const verb = /[a-z]+/i.exec(plain)?.[0].toLowerCase();
  const known = verb !== undefined && SQL_START.test(verb) ? verb : undefined;
  if (SQL_MUTATE.test(plain)) return { tier: 'mutate', rule: 'sql', verb: known };
  if (SQL_READ.test(plain)) return { tier: 'read', rule: 'sql', verb: known };
  return { tier: 'mutate', rule: 'sql', verb: known };
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

function farthest(decisions: readonly TierDecision[]): TierDecision {
  let chosen: TierDecision | undefined;
  for (const each of decisions) {
    if (chosen === undefined || TIER_ORDER.indexOf(each.tier) > TIER_ORDER.indexOf(chosen.tier)) chosen = each;
    else if (each.tier === chosen.tier && chosen.rule.startsWith('shell.') && !each.rule.startsWith('shell.'))
      chosen = each;
  }
  return chosen ?? { tier: 'unknown', rule: 'none', verb: undefined };
}

function startsWithProgram(text: string): boolean {
  const first = /^\s*([\w./-]+)/.exec(text)?.[1] ?? '';
  const name = first.slice(first.lastIndexOf('/') + 1);
  return Object.hasOwn(PROGRAMS, ALIASES[name] ?? name) || READERS.has(name) || SHELLS.has(name) || WRAPPERS.has(name);
}

/** `kubectl_get-pods`, `mcp__k8s__getPods` → kubectl, get, pods … in lower case. */
/** Agents call the same few tools again and again. */
const namesKnown = new Map<string, readonly string[]>();
const NAMES_KNOWN_MAX = 256;
/** Of a longer name, the rest is not looked at. */
const NAME_LENGTH_MAX = 256;

function nameWords(name: string): readonly string[] {
  const known = namesKnown.get(name);
  if (known !== undefined) return known;
  const words = splitName(name);
  if (name.length <= NAME_LENGTH_MAX) {
    if (namesKnown.size >= NAMES_KNOWN_MAX) namesKnown.clear();
    namesKnown.set(name, words);
  }
  return words;
}

function splitName(name: string): string[] {
  return name
    .slice(0, NAME_LENGTH_MAX)
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '');
}

function membersOf(value: unknown): [string, unknown][] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
  return Object.entries(value).slice(0, 64);
}

function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (Array.isArray(value) && value.every((each) => typeof each === 'string')) {
    // ["bash", "-lc", "kubectl get pods"]: quoted again so that words stay words.
    return value
      .map((word: string) => (/^[\w./:=@,+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`))
      .join(' ');
  }
  return undefined;
}
