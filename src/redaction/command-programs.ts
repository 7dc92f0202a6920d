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
    second: { state: { read: wordSet('list show pull'), mutate: wordSet('mv rm push replace-provider') } },
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
    read: wordSet('ps images logs inspect stats top version info events port diff history'),
    mutate: wordSet(`
      run exec start stop restart kill rm rmi pull push build cp update pause unpause prune
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
  },
};
const ALIASES: Readonly<Record<string, string>> = {
  k: 'kubectl',
  oc: 'kubectl',
  tofu: 'terraform',
  podman: 'docker',
  nerdctl: 'docker',
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
  cat ls head tail grep egrep fgrep rg zgrep wc sort uniq cut tr jq yq awk less more ps top df du free uptime date
  whoami id hostname uname env printenv pwd which file stat dig nslookup host ping traceroute netstat ss lsof
  journalctl dmesg vmstat iostat echo printf true false test [ cd sleep diff cmp column nl tac rev seq basename
  dirname readlink realpath md5sum sha256sum base64 xxd strings tree set export read wait exit getent promtool
  logcli stern time yes exec_wait type command source local unset break continue return :
`);
export const MUTATORS = wordSet(`
  rm mv cp mkdir rmdir touch chmod chown chgrp ln dd truncate tee kill pkill killall reboot shutdown halt poweroff
  mount umount iptables nft tc sysctl useradd userdel usermod passwd crontab apt apt-get yum dnf apk pip pip3 npm
  yarn brew make ansible ansible-playbook service scp rsync patch install mkfs fdisk swapoff swapon redis-benchmark
`);
/** Programs that run the rest of their line as another command. */
export const WRAPPERS = wordSet(`
  sudo nohup timeout time nice watch env command exec xargs stdbuf ionice doas then do else ! if while until
`);
/** Words of the shell's own grammar. */
export const GRAMMAR = wordSet('fi done esac for case in { } ( ) function');
export const SHELLS = wordSet('sh bash zsh dash ash ksh');
export const SQL_CLIENTS = wordSet('psql mysql mariadb sqlite3 clickhouse-client clickhouse cqlsh bq sqlcmd trino');
