import { wordSet } from './word-set.ts';

/*
 * What programs without sub-commands do, as lists: command-tier.ts decides by them. A program that stands in none, nor in
 * program-rules.ts, leaves the tier unknown.
 */

/** Cloud command lines name their operations by a verb at the start of a word: `describe-instances`, `list`. */
export const CLOUD_PROGRAMS = wordSet('aws gcloud az doctl');
/** Programs that only look, and the shell's own words. */
export const READERS = wordSet(`
  [[ ip apt-cache gawk mawk last lastb lastlog w who lvs pvs vgs smartctl dmidecode iptables-save ldapsearch snmpwalk pg_isready
  mongostat mongotop pg_dump mysqldump ansible-inventory ansible-doc getfacl ipcs blkid swapon tldr apt-cache pgrep pidof pstree tcpdump mtr nproc lscpu lsblk findmnt sar mpstat pidstat zcat comm paste fold man help
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
  yarn brew make service scp rsync patch install mkfs fdisk swapoff redis-benchmark nginx systemd-run dropdb createdb dropuser
  createuser pg_restore vacuumdb reindexdb mongorestore mongoimport mysqlimport ansible-playbook ansible-galaxy ansible-pull kubens
  kubectx iptables-restore ip6tables ethtool setfacl setenforce modprobe insmod rmmod logrotate fstrim
`);
/** A program that runs the rest of its line as another command. */
export interface Wrapper {
  /** Options that take a word of their own. */
  readonly valued: ReadonlySet<string>;
  /** Words before the command: `chroot DIRECTORY command`. */
  readonly operands: number;
  /** What it reads is added to the command's words. */
  readonly addsInput: boolean;
}

const VALUED: Readonly<Record<string, ReadonlySet<string>>> = {
  sudo: wordSet('-u -g -h -p -C -r -t -U -D -R -T --user --group --host --prompt --chdir'),
  doas: wordSet('-u -C'),
  runuser: wordSet('-u -g -G --user --group'),
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
  unshare: wordSet(''),
  chroot: wordSet(''),
  flock: wordSet('-w -E --timeout --wait'),
  taskset: wordSet(''),
};
const BARE_WRAPPERS = wordSet('nohup setsid unbuffer command then do else ! if while until');
const OPERANDS: Readonly<Record<string, number>> = { chroot: 1, flock: 1, taskset: 1 };
const NO_OPTIONS: ReadonlySet<string> = new Set();

/** Undefined when the program is no wrapper. */
export function wrapperOf(name: string): Wrapper | undefined {
  const valued = Object.hasOwn(VALUED, name) ? VALUED[name] : BARE_WRAPPERS.has(name) ? NO_OPTIONS : undefined;
  if (valued === undefined) return undefined;
  const operands = Object.hasOwn(OPERANDS, name) ? (OPERANDS[name] ?? 0) : 0;
  return { valued, operands, addsInput: name === 'xargs' || name === 'parallel' };
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
  kill: /^-(?:0|l)$/,
  'ansible-playbook': /^(?:--check|-C|--list-hosts|--list-tasks|--syntax-check)$/,
  sysctl: /^(?:-a|--all)$/,
  setenforce: /^-h$/,
};
/** Programs that say something of themselves, and do nothing else, with one of these as their only word. */
export const VERSION_ARGUMENT = /^(?:--version|--help|-V)$/;
export const VERSIONED = wordSet(`
  python python3 pip pip3 node npm java go ruby perl php psql mysql mongosh mongo bash zsh sh ansible gcc rustc cargo dotnet
`);
/** Programs that only look, but for these arguments. */
export const CHANGING_ARGUMENTS: Readonly<Record<string, RegExp>> = {
  journalctl: /^--(?:vacuum-|rotate|flush|sync|relinquish)/,
  date: /^(?:-s|--set)/,
  hostname: /^(?:[A-Za-z]|-F|--file)/,
  ip: /^(?:add|del|delete|set|flush|replace|change|append|exec|restore)$/,
  dmesg: /^(?:-c|-C|--clear|--read-clear|-n|-D|-E)$/,
  sort: /^(?:-o|--output)/,
  tree: /^-o$/,
  tcpdump: /^-w/,
  yq: /^(?:-[a-zA-Z]*i|--inplace)/,
  ss: /^(?:-K|--kill)$/,
  pg_dump: /^(?:-f|--file)/,
  mysqldump: /^(?:-r|--result-file|--flush|--delete|-F)/,
  swapon: /^(?:-a|\/)/,
  smartctl: /^(?:-s|-t|-X|--set|--test)/,
  history: /^-[cdwra]$/,
  fuser: /^-[a-z]*k/,
};
/** Programs whose own scripts can run others or write files. No two repeats of white space may meet: their cost would be its square. */
export const SCRIPT_ACTS: Readonly<Record<string, RegExp>> = {
  awk: /\bsystem\s*\(|>\s*["$\w(]|\|\s*(?:&\s*)?"|\|\s*getline|^-i$|^inplace$|^-f/,
  sed: /(?:^|[;{}/\dgpI$,\s])[wW]\s+\S|^e(?:\s|$)|[\d/$;{]\s*e(?:\s|$)|^s([^\w\s])(?:(?!\1).)*\1(?:(?!\1).)*\1[gpiIm\d]*e|^-f/,
};
/** Words of the shell's own grammar. */
export const GRAMMAR = wordSet('fi done esac for case in { } ( ) function');
export const SHELLS = wordSet('sh bash zsh dash ash ksh');
export const SQL_CLIENTS = wordSet(
  'psql mysql mariadb sqlite3 clickhouse-client clickhouse cqlsh bq sqlcmd trino cockroach snowsql duckdb',
);
