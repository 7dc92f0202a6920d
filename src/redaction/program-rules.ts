import { wordSet } from './word-set.ts';

/*
 * What the sub-commands of programs do, as lists: command-tier.ts decides by them. A program or sub-command that stands in none
 * leaves the tier unknown.
 */

interface SubCommands {
  readonly read: ReadonlySet<string>;
  readonly mutate: ReadonlySet<string>;
}

export interface ProgramRule extends SubCommands {
  /** Sub-commands may be written in upper case. */
  readonly anyCase?: true;
  /** `--dry-run` makes a change look. */
  readonly dryRun?: true;
  /** Words that may come before the verb and say what it is about, such as `argocd app`. */
  readonly groups?: ReadonlySet<string>;
  /** Sub-verbs that decide where the verb alone does not: `rollout undo`. */
  readonly second?: Readonly<Record<string, SubCommands>>;
  /** Verbs that look only with such an option: `terraform fmt -check`. */
  readonly readsWith?: Readonly<Record<string, RegExp>>;
  /** Options without a verb that look: `redis-cli --bigkeys`. */
  readonly readingOption?: RegExp;
}

const NONE: ReadonlySet<string> = new Set();

/** Programs whose sub-command tells reading from changing. */
const PROGRAMS: Readonly<Record<string, ProgramRule>> = {
  kubectl: {
    dryRun: true,
    groups: wordSet('adm alpha'),
    // port-forward and proxy are tunnels from where the agent runs: what goes through them shows in other calls.
    read: wordSet(`
      get describe logs top explain version api-resources api-versions cluster-info events diff wait port-forward
      proxy kustomize options completion whoami status projects
    `),
    mutate: wordSet(`
      apply create delete patch edit replace scale autoscale set label annotate cordon uncordon drain taint expose
      run exec cp attach debug rsh rsync start-build new-app import-image login adopt
    `),
    second: {
      apply: { read: wordSet('view-last-applied'), mutate: wordSet('set-last-applied edit-last-applied') },
      rollout: { read: wordSet('status history'), mutate: wordSet('restart undo pause resume latest retry cancel') },
      auth: { read: wordSet('can-i whoami'), mutate: wordSet('reconcile') },
      certificate: { read: NONE, mutate: wordSet('approve deny') },
      config: {
        read: wordSet('view get-contexts current-context get-clusters get-users'),
        mutate: wordSet(`
          set use-context set-context delete-context set-cluster delete-cluster set-credentials delete-user unset
          rename-context
        `),
      },
      krew: { read: wordSet('list search info version'), mutate: wordSet('install uninstall upgrade update') },
      plugin: { read: wordSet('list'), mutate: NONE },
    },
  },
  helm: {
    dryRun: true,
    read: wordSet('list ls status history get show inspect search template lint version env verify diff'),
    mutate: wordSet('install upgrade rollback uninstall delete push test'),
    second: {
      repo: { read: wordSet('list ls'), mutate: wordSet('add remove rm update index') },
      plugin: { read: wordSet('list ls'), mutate: wordSet('install add uninstall remove rm update') },
      dependency: { read: wordSet('list ls'), mutate: wordSet('build update up') },
    },
  },
  terraform: {
    groups: wordSet('run-all'),
    read: wordSet('plan show output validate version graph providers'),
    mutate: wordSet('apply destroy import taint untaint refresh init fmt force-unlock login logout'),
    second: {
      state: { read: wordSet('list show pull'), mutate: wordSet('mv rm push replace-provider') },
      workspace: { read: wordSet('list show'), mutate: wordSet('select new delete') },
      providers: { read: wordSet('schema'), mutate: wordSet('lock mirror') },
    },
    readsWith: { fmt: /^--?check$/ },
  },
  pulumi: {
    read: wordSet('preview pre about whoami version logs stack config'),
    mutate: wordSet('up update destroy refresh cancel import watch new login logout install state convert'),
    second: {
      stack: {
        read: wordSet('ls output history graph export'),
        mutate: wordSet('rm init select rename import unselect change-secrets-provider tag'),
      },
      config: { read: wordSet('get env'), mutate: wordSet('set set-all rm rm-all cp refresh') },
    },
  },
  argocd: {
    dryRun: true,
    groups: wordSet('app appset cluster repo repocreds proj role windows account cert gpg'),
    read: wordSet('get list diff history logs resources manifests wait version can-i get-user-info'),
    mutate: wordSet(`
      sync rollback delete set create patch terminate-op unset add rm edit remove add-destination remove-destination
      update-password generate-token rotate-auth login logout relogin patch-resource delete-resource
    `),
    second: { actions: { read: wordSet('list'), mutate: wordSet('run') } },
  },
  flux: {
    read: wordSet('get logs events tree trace stats export check version diff'),
    mutate: wordSet('reconcile suspend resume create delete bootstrap install uninstall push tag migrate'),
  },
  istioctl: {
    groups: wordSet('x experimental'),
    read: wordSet('analyze version proxy-status ps proxy-config pc describe validate remote-clusters'),
    mutate: wordSet('install uninstall upgrade kube-inject'),
    second: {
      'proxy-config': { read: NONE, mutate: wordSet('log') },
      pc: { read: NONE, mutate: wordSet('log') },
      tag: { read: wordSet('list'), mutate: wordSet('set remove generate') },
      manifest: { read: wordSet('generate diff'), mutate: wordSet('apply install') },
    },
  },
  linkerd: {
    groups: wordSet('viz jaeger multicluster mc'),
    read: wordSet('check version stat top tap routes edges diagnostics inject uninject gateways list'),
    mutate: wordSet('unlink prune'),
  },
  docker: {
    dryRun: true,
    // `docker container ls`, `docker compose up`.
    groups: wordSet(`
      container image compose network volume system builder buildx swarm node service stack secret context manifest
      plugin config
    `),
    read: wordSet('ps ls images logs inspect stats top version info events port diff history config search df wait'),
    mutate: wordSet(`
      run exec start stop restart kill rm rmi pull push build cp update pause unpause prune up down create scale
      rollback deploy commit tag load import rename attach connect disconnect promote demote use join leave init login
      logout remove bake enable disable install set upgrade
    `),
    second: { config: { read: wordSet('ls inspect'), mutate: wordSet('create rm') } },
  },
  systemctl: {
    read: wordSet(`
      status show list-units list-timers is-active is-enabled is-failed cat list-unit-files list-sockets
      list-dependencies list-jobs get-default show-environment is-system-running help
    `),
    mutate: wordSet(`
      start stop restart reload enable disable mask unmask daemon-reload daemon-reexec kill edit set-property
      reset-failed isolate set-default link preset revert set-environment unset-environment reload-or-restart
      try-restart try-reload-or-restart clean freeze thaw poweroff reboot halt suspend reenable
    `),
  },
  git: {
    dryRun: true,
    // clone and fetch copy a repository; what they come from stays as it is.
    read: wordSet(`
      log show diff status blame grep ls-files ls-tree ls-remote rev-parse rev-list describe shortlog cat-file clone
      fetch reflog merge-base name-rev for-each-ref show-ref cherry range-diff whatchanged count-objects fsck
      check-ignore remote
    `),
    mutate: wordSet(`
      push commit merge rebase reset revert checkout switch restore cherry-pick apply pull clean rm mv add stash init
      gc am update-ref filter-branch filter-repo replace
    `),
    second: {
      stash: { read: wordSet('list show'), mutate: NONE },
      remote: {
        read: wordSet('show get-url'),
        mutate: wordSet('add remove rm rename set-url set-head set-branches prune update'),
      },
      reflog: { read: NONE, mutate: wordSet('expire delete drop') },
      worktree: { read: wordSet('list'), mutate: wordSet('add remove prune move lock unlock repair') },
      bisect: { read: wordSet('log view visualize'), mutate: wordSet('start good bad new old reset run skip replay') },
      submodule: {
        read: wordSet('status summary'),
        mutate: wordSet('update add init deinit sync set-url absorbgitdirs'),
      },
      notes: { read: wordSet('list show'), mutate: wordSet('add append edit remove merge copy prune') },
    },
  },
  gh: {
    groups: wordSet(`
      pr issue repo release secret variable label cache gist ruleset org project extension auth codespace alias config
      ssh-key gpg-key attestation
    `),
    read: wordSet('list ls view status diff checks watch search get'),
    mutate: wordSet(`
      create merge close edit delete comment rerun run cancel review reopen set remove add upload sync fork rename
      archive unarchive lock unlock ready checkout update-branch login logout transfer pin unpin develop import
    `),
    second: {
      run: { read: wordSet('list view watch download'), mutate: wordSet('rerun cancel delete') },
      workflow: { read: wordSet('list view'), mutate: wordSet('run enable disable') },
      search: { read: wordSet('code commits issues prs repos'), mutate: NONE },
    },
  },
  vault: {
    groups: wordSet('operator raft autopilot secrets auth policy audit lease token kv metadata plugin namespace'),
    read: wordSet('read list status version lookup get list-peers state diagnose members key-status capabilities'),
    mutate: wordSet(`
      write delete login put patch destroy undelete rollback enable disable tune move revoke renew create init seal
      unseal step-down rekey rotate generate-root remove-peer join promote demote register deregister reload unwrap
      set-config migrate
    `),
    second: { snapshot: { read: wordSet('inspect save'), mutate: wordSet('restore') } },
  },
  consul: {
    groups: wordSet('kv acl token policy role operator raft autopilot intention config snapshot peering'),
    read: wordSet('members info version monitor list get get-config state export list-peers read inspect check match'),
    mutate: wordSet(`
      join leave reload force-leave put delete import create update set-config remove-peer transfer-leader event exec
      write restore save establish generate-token bootstrap maint
    `),
    second: {
      catalog: { read: wordSet('datacenters nodes services'), mutate: NONE },
      services: { read: wordSet('export'), mutate: wordSet('register deregister') },
    },
  },
  nomad: {
    groups: wordSet(`
      job alloc node deployment eval namespace operator raft autopilot server system var volume plugin acl quota
    `),
    read: wordSet('status inspect logs plan version history list members get fs list-peers get-config validate'),
    mutate: wordSet(`
      run stop restart scale revert drain eligibility dispatch gc promote fail pause resume unblock put purge delete
      apply exec signal reconcile force-leave join init register deregister remove-peer set-config checks
    `),
  },
  etcdctl: {
    read: wordSet('get watch endpoint version'),
    mutate: wordSet('put del txn compaction defrag move-leader'),
    second: {
      member: { read: wordSet('list'), mutate: wordSet('add remove update promote') },
      snapshot: { read: wordSet('status'), mutate: wordSet('restore save') },
      alarm: { read: wordSet('list'), mutate: wordSet('disarm') },
      lease: { read: wordSet('list timetolive'), mutate: wordSet('grant revoke keep-alive') },
      user: { read: wordSet('list get'), mutate: wordSet('add delete passwd grant-role revoke-role') },
      role: { read: wordSet('list get'), mutate: wordSet('add delete grant-permission revoke-permission') },
      auth: { read: wordSet('status'), mutate: wordSet('enable disable') },
    },
  },
  'redis-cli': {
    anyCase: true,
    readingOption: /^--(?:bigkeys|memkeys|hotkeys|latency|latency-history|latency-dist|stat|scan|intrinsic-latency)$/,
    read: wordSet(`
      get mget info keys scan ttl pttl type exists llen lrange lindex hgetall hget hlen hkeys hvals hmget hexists hscan
      ping dbsize monitor strlen getrange getbit scard smembers sismember sscan zcard zrange zrangebyscore zrevrange
      zscore zrank zcount zscan xlen xrange xrevrange xinfo xpending randomkey lastsave time role command pubsub
      subscribe psubscribe object
    `),
    mutate: wordSet(`
      set setex psetex setnx mset msetnx append getset getdel getex setrange setbit del unlink flushall flushdb expire
      pexpire expireat persist incr incrby decr decrby lpush rpush lpushx rpushx lpop rpop lset lrem ltrim linsert
      rpoplpush lmove hset hsetnx hmset hdel hincrby sadd srem spop smove zadd zrem zincrby zpopmin zpopmax
      zremrangebyscore zremrangebyrank xadd xdel xtrim xgroup xack xclaim rename renamenx copy move swapdb restore
      migrate shutdown failover replicaof slaveof debug bgsave bgrewriteaof save publish sync psync
    `),
    second: {
      config: { read: wordSet('get'), mutate: wordSet('set resetstat rewrite') },
      client: { read: wordSet('list info id getname'), mutate: wordSet('kill pause unpause no-evict') },
      cluster: {
        read: wordSet('info nodes slots shards slaves replicas keyslot countkeysinslot myid'),
        mutate: wordSet('failover reset forget meet addslots delslots setslot replicate saveconfig'),
      },
      memory: { read: wordSet('usage stats doctor malloc-stats'), mutate: wordSet('purge') },
      slowlog: { read: wordSet('get len'), mutate: wordSet('reset') },
      latency: { read: wordSet('latest history doctor graph histogram'), mutate: wordSet('reset') },
      acl: { read: wordSet('list whoami cat getuser users log'), mutate: wordSet('setuser deluser save load') },
      script: { read: wordSet('exists'), mutate: wordSet('flush load kill') },
      sentinel: {
        read: wordSet('masters master replicas slaves sentinels get-master-addr-by-name ckquorum'),
        mutate: wordSet('failover set remove monitor reset'),
      },
    },
  },
  mysqladmin: {
    read: wordSet('processlist status extended-status ping version variables'),
    mutate: wordSet(`
      shutdown kill create drop password reload refresh flush-hosts flush-logs flush-privileges flush-status
      flush-tables start-replica stop-replica start-slave stop-slave
    `),
  },
  pg_ctl: { read: wordSet('status'), mutate: wordSet('start stop restart reload promote kill init initdb logrotate') },
  rabbitmqctl: {
    read: wordSet(`
      status cluster_status list_queues list_exchanges list_bindings list_connections list_channels list_consumers
      list_users list_permissions list_vhosts list_policies list_parameters list_nodes environment report ping
      node_health_check
    `),
    mutate: wordSet(`
      stop stop_app start_app reset force_reset force_boot purge_queue delete_queue forget_cluster_node join_cluster
      set_policy clear_policy add_user delete_user change_password set_permissions clear_permissions add_vhost
      delete_vhost close_connection close_all_connections rotate_logs set_parameter clear_parameter sync_queue
      set_vm_memory_high_watermark set_disk_free_limit suspend_listener resume_listener
    `),
  },
  amtool: {
    groups: wordSet('alert silence cluster template'),
    read: wordSet('query show check-config render'),
    mutate: wordSet('add expire import update'),
    second: { config: { read: wordSet('show routes'), mutate: NONE } },
  },
  openssl: {
    read: wordSet('s_client x509 verify version crl ocsp ciphers asn1parse dgst'),
    mutate: wordSet('genrsa genpkey req ca pkcs12'),
  },
  eksctl: {
    groups: wordSet('utils'),
    read: wordSet('get info version'),
    mutate: wordSet('create delete scale upgrade drain enable disable set unset update associate register'),
  },
  velero: {
    groups: wordSet('backup restore schedule backup-location snapshot-location plugin'),
    read: wordSet('get describe logs version'),
    mutate: wordSet('create delete set pause unpause install uninstall add remove'),
  },
  timedatectl: {
    read: wordSet('status show timesync-status list-timezones'),
    mutate: wordSet('set-time set-ntp set-timezone'),
  },
  hostnamectl: { read: wordSet('status'), mutate: wordSet('set-hostname hostname set-location') },
  chronyc: {
    read: wordSet('tracking sources sourcestats activity ntpdata'),
    mutate: wordSet('makestep burst online offline'),
  },
  ufw: {
    read: wordSet('status show'),
    mutate: wordSet('allow deny reject limit delete enable disable reset reload insert'),
  },
};
const ALIASES: Readonly<Record<string, string>> = {
  k: 'kubectl',
  oc: 'kubectl',
  tofu: 'terraform',
  terragrunt: 'terraform',
  podman: 'docker',
  nerdctl: 'docker',
  crictl: 'docker',
  'docker-compose': 'docker',
  'valkey-cli': 'redis-cli',
};

/** The program a word names, aliases resolved, with its rule; undefined when its sub-commands are not known. */
export function knownProgram(word: string): { readonly name: string; readonly rule: ProgramRule } | undefined {
  const name = Object.hasOwn(ALIASES, word) ? (ALIASES[word] ?? word) : word;
  const rule = Object.hasOwn(PROGRAMS, name) ? PROGRAMS[name] : undefined;
  return rule === undefined ? undefined : { name, rule };
}
