import { wordSet } from './word-set.ts';

/*
 * What the programs of a command line do, as lists: command-tier.ts decides by them. A program or sub-command that stands in
 * none leaves the tier unknown.
 */

interface SubCommands {
  readonly read: ReadonlySet<string>;
  readonly mutate: ReadonlySet<string>;
}

export interface ProgramRule extends SubCommands {
  /** Sub-commands may be written in upper case. */
  readonly anyCase?: true;
  /** Words that come before the verb, such as `argocd app`: how many to skip at most while none is a known verb. */
  readonly groups?: number;
  /** Sub-verbs that decide where the verb alone does not: `rollout undo`. */
  readonly second?: Readonly<Record<string, SubCommands>>;
}

/** Programs whose sub-command tells reading from changing. */
const PROGRAMS: Readonly<Record<string, ProgramRule>> = {
  kubectl: {
    // port-forward and proxy are tunnels from where the agent runs: what goes through them shows in other calls.
    read: wordSet(`
      get describe logs top explain version api-resources api-versions cluster-info events diff wait port-forward
      proxy
    `),
    mutate: wordSet(`
      apply create delete patch edit replace scale autoscale set label annotate cordon uncordon drain taint expose
      run exec cp attach debug
    `),
    second: {
      rollout: { read: wordSet('status history'), mutate: wordSet('restart undo pause resume') },
      auth: { read: wordSet('can-i whoami'), mutate: wordSet('reconcile') },
      certificate: { read: new Set(), mutate: wordSet('approve deny') },
      config: {
        read: wordSet('view get-contexts current-context get-clusters'),
        mutate: wordSet('set use-context set-context delete-context'),
      },
    },
  },
  helm: {
    read: wordSet('list ls status history get show search template lint version env'),
    mutate: wordSet('install upgrade rollback uninstall delete push test'),
  },
  terraform: {
    read: wordSet('plan show output validate version graph providers fmt'),
    mutate: wordSet('apply destroy import taint untaint refresh init'),
    second: {
      state: { read: wordSet('list show pull'), mutate: wordSet('mv rm push replace-provider') },
      workspace: { read: wordSet('list show'), mutate: wordSet('select new delete') },
    },
  },
  argocd: {
    groups: 1,
    read: wordSet('get list diff history logs resources manifests'),
    mutate: wordSet('sync rollback delete set create patch terminate-op unset'),
  },
  istioctl: {
    read: wordSet('analyze version proxy-status proxy-config describe validate'),
    mutate: wordSet('install uninstall upgrade kube-inject'),
  },
  docker: {
    // `docker container ls`, `docker compose up`.
    groups: 1,
    read: wordSet('ps ls images logs inspect stats top version info events port diff history config'),
    mutate: wordSet(`
      run exec start stop restart kill rm rmi pull push build cp update pause unpause prune up down create scale
      rollback deploy
    `),
  },
  systemctl: {
    read: wordSet(`
      status show list-units list-timers is-active is-enabled is-failed cat list-unit-files
    `),
    mutate: wordSet('start stop restart reload enable disable mask unmask daemon-reload kill edit'),
  },
  git: {
    // clone and fetch copy a repository; what they come from stays as it is.
    read: wordSet(`
      log show diff status blame grep ls-files ls-tree rev-parse describe shortlog cat-file clone fetch
    `),
    mutate: wordSet(`
      push commit merge rebase reset revert checkout switch restore cherry-pick apply pull clean rm mv add stash
    `),
  },
  gh: {
    groups: 1,
    read: wordSet('list view status diff checks watch'),
    mutate: wordSet('create merge close edit delete comment rerun run cancel review reopen'),
    second: {
      run: { read: wordSet('list view watch download'), mutate: wordSet('rerun cancel delete') },
      workflow: { read: wordSet('list view'), mutate: wordSet('run enable disable') },
    },
  },
  flux: {
    read: wordSet('get logs events tree trace stats export check version'),
    mutate: wordSet('reconcile suspend resume create delete bootstrap install uninstall push'),
  },
  vault: {
    read: wordSet('read list status version'),
    mutate: wordSet('write delete login'),
    second: { kv: { read: wordSet('get list'), mutate: wordSet('put patch delete destroy undelete rollback') } },
  },
  consul: {
    read: wordSet('members catalog info version monitor'),
    mutate: wordSet('join leave reload force-leave'),
    second: { kv: { read: wordSet('get export'), mutate: wordSet('put delete import') } },
  },
  etcdctl: {
    read: wordSet('get watch endpoint version'),
    mutate: wordSet('put del txn compaction defrag'),
  },
  nomad: {
    groups: 1,
    read: wordSet('status inspect logs plan version'),
    mutate: wordSet('run stop restart scale revert drain eligibility dispatch'),
  },
  'redis-cli': {
    anyCase: true,
    read: wordSet(
      'get mget info keys scan ttl type exists llen lrange hgetall hget ping dbsize slowlog memory monitor',
    ),
    mutate: wordSet(`
      set del unlink flushall flushdb expire incr decr lpush rpush lpop rpop hset hdel sadd srem zadd zrem rename
      restore shutdown failover replicaof slaveof debug bgsave bgrewriteaof
    `),
    second: {
      config: { read: wordSet('get'), mutate: wordSet('set resetstat rewrite') },
      client: { read: wordSet('list info id'), mutate: wordSet('kill pause unpause') },
      cluster: { read: wordSet('info nodes slots'), mutate: wordSet('failover reset forget meet') },
    },
  },
};
const ALIASES: Readonly<Record<string, string>> = {
  k: 'kubectl',
  oc: 'kubectl',
  tofu: 'terraform',
  podman: 'docker',
  nerdctl: 'docker',
  crictl: 'docker',
  'docker-compose': 'docker',
};

/** The program a word names, aliases resolved, with its rule; undefined when its sub-commands are not known. */
export function knownProgram(word: string): { readonly name: string; readonly rule: ProgramRule } | undefined {
  const name = Object.hasOwn(ALIASES, word) ? (ALIASES[word] ?? word) : word;
  const rule = Object.hasOwn(PROGRAMS, name) ? PROGRAMS[name] : undefined;
  return rule === undefined ? undefined : { name, rule };
}

/** Cloud command lines name their operations by a verb at the start of a word: `describe-instances`, `list`. */
export const CLOUD_PROGRAMS = wordSet('aws gcloud az doctl');
/** Programs that only look, and the shell's own words. */
export const READERS = wordSet(`
  [[ ip apt-cache pgrep pidof pstree tcpdump mtr nproc lscpu lsblk findmnt sar mpstat pidstat zcat comm paste fold man help alias trap
  shift let declare typeset mapfile pushd popd jobs bg ulimit umask history
  cat ls head tail grep egrep fgrep rg zgrep wc sort uniq cut tr jq yq awk less more ps top df du free uptime date
  whoami id hostname uname env printenv pwd which file stat dig nslookup host ping traceroute netstat ss lsof
  journalctl dmesg vmstat iostat echo printf true false test [ cd sleep diff cmp column nl tac rev seq basename
  dirname readlink realpath md5sum sha256sum base64 xxd strings tree set export read wait exit getent promtool
  logcli stern time yes exec_wait type command local unset break continue return :
`);
export const MUTATORS = wordSet(`
  rm mv cp mkdir rmdir touch chmod chown chgrp ln dd truncate tee kill pkill killall reboot shutdown halt poweroff
  mount umount iptables nft tc sysctl useradd userdel usermod passwd crontab apt apt-get yum dnf apk pip pip3 npm
  yarn brew make ansible ansible-playbook service scp rsync patch install mkfs fdisk swapoff swapon redis-benchmark nginx
`);
/** Programs that run the rest of their line as another command, with those of their options that take a word of their own. */
const WRAPPER_OPTIONS: Readonly<Record<string, ReadonlySet<string>>> = {
  sudo: wordSet('-u -g -h -p -C -r -t -U -D -R -T --user --group --host --prompt --chdir'),
  doas: wordSet('-u -C'),
  env: wordSet('-u -C --unset --chdir'),
  timeout: wordSet('-s -k --signal --kill-after'),
  nice: wordSet('-n --adjustment'),
  ionice: wordSet('-c -n -p'),
  watch: wordSet('-n --interval'),
  stdbuf: wordSet('-i -o -e'),
  time: wordSet('-f -o'),
  exec: wordSet('-a'),
  xargs: wordSet('-I -n -P -L -d -a -s -E --max-args --max-procs --max-lines --delimiter --arg-file'),
  parallel: wordSet('-j -a --jobs --arg-file'),
  nsenter: wordSet('-t --target'),
};
const BARE_WRAPPERS = wordSet('nohup command then do else ! if while until');

/** Options of a wrapper that take a word of their own; undefined when the program is none. */
export function wrapperOptions(name: string): ReadonlySet<string> | undefined {
  if (Object.hasOwn(WRAPPER_OPTIONS, name)) return WRAPPER_OPTIONS[name];
  return BARE_WRAPPERS.has(name) ? new Set() : undefined;
}

/** Options of ssh, and of `docker exec` and `kubectl exec`, that take a word of their own. */
export const SSH_OPTIONS = wordSet('-i -p -l -o -F -J -L -R -D -b -c -E -e -m -O -Q -S -W -w -B');
export const EXEC_OPTIONS = wordSet('-u -e -w -n -c --user --env --workdir --env-file --detach-keys');
/** Options of curl by one letter that take a value, joined or apart. */
export const CURL_LETTERS = new Set('XdFToHuAebcxmwKErUCyYztQPD');
/** Programs that change something with any arguments but these. */
export const READING_ARGUMENTS: Readonly<Record<string, RegExp>> = {
  apt: /^(?:list|search|show|policy)$/,
  'apt-get': /^(?:--simulate|-s|--dry-run)$/,
  pip: /^(?:list|show|freeze|check)$/,
  pip3: /^(?:list|show|freeze|check)$/,
  npm: /^(?:ls|list|view|outdated)$/,
  brew: /^(?:list|info|search)$/,
  crontab: /^-l$/,
  iptables: /^(?:-L|-S|-nL|-vnL|-nvL|--list.*)$/,
  nft: /^list$/,
  service: /^(?:status|--status-all)$/,
  tc: /^(?:show|ls|list)$/,
  nginx: /^-[tTvV]$/,
};
/** Programs that only look, but for these arguments. */
export const CHANGING_ARGUMENTS: Readonly<Record<string, RegExp>> = {
  journalctl: /^--(?:vacuum-|rotate|flush)/,
  date: /^(?:-s|--set)/,
  hostname: /^[A-Za-z]/,
  ip: /^(?:add|del|delete|set|flush|replace|change)$/,
  dmesg: /^(?:-c|-C|--clear|--read-clear)$/,
  awk: /\bsystem\s*\(/,
};
/** Words of the shell's own grammar. */
export const GRAMMAR = wordSet('fi done esac for case in { } ( ) function');
export const SHELLS = wordSet('sh bash zsh dash ash ksh');
export const SQL_CLIENTS = wordSet('psql mysql mariadb sqlite3 clickhouse-client clickhouse cqlsh bq sqlcmd trino');
