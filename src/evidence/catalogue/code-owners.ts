import { wellFormed } from '../attribute.ts';

/** Lines read of one file, owners of one rule, and the longest name. */
const LINES_MAX = 10_000;
const OWNERS_MAX = 50;
const NAME_MAX = 200;

interface Rule {
  /** Place in the file. */
  readonly at: number;
  readonly owners: readonly string[];
}

/** Rules of one section (GitLab's; elsewhere a file is one): in each the last rule that matches a path decides. */
interface Section {
  readonly defaults: readonly string[];
  readonly byPath: Map<string, Rule>;
  /** Patterns without a slash match a folder of that name anywhere. */
  readonly byName: Map<string, Rule>;
  everything: Rule | undefined;
}

/**
 * Owners by the folders that a CODEOWNERS file names: `/services/cart/ @shop` owns cart, unless a later rule for it or for what it
 * lies in says otherwise. A rule without owners takes them away, or gives it those of its section.
 */
export function codeOwners(text: string): ReadonlyMap<string, readonly string[]> {
  const sections: Section[] = [section([])];
  const folders = new Map<string, readonly string[]>();
  for (const [at, line] of text.split('\n').slice(0, LINES_MAX).entries()) {
    const plain = line.replace(/(^|\s)#.*$/, '').trim();
    const heading = /^\^?\[[^\]]{1,200}\](?:\[\d{1,4}\])?(.*)$/.exec(plain);
    if (heading !== null) {
      sections.push(section(ownersIn(heading[1] ?? '')));
      continue;
    }
    const [pattern = '', ...rest] = plain.split(/\s+/);
    const current = sections.at(-1);
    if (pattern === '' || current === undefined) continue;
    const named = ownersIn(rest.join(' '));
    addRule(current, pattern, { at, owners: named.length > 0 ? named : current.defaults }, folders);
  }
  const owners = new Map<string, readonly string[]>();
  for (const [name, path] of folders) {
    owners.set(name, [...new Set(sections.flatMap((each) => ruleFor(each, path)?.owners ?? []))].slice(0, OWNERS_MAX));
  }
  return owners;
}

function section(defaults: readonly string[]): Section {
  return { defaults, byPath: new Map(), byName: new Map(), everything: undefined };
}

function ownersIn(text: string): readonly string[] {
  return text
    .split(/\s+/)
    .filter((each) => each.includes('@'))
    .slice(0, OWNERS_MAX)
    .map((each) => wellFormed(each.slice(0, NAME_MAX)));
}

/** `!` patterns and patterns of files (`*.sql`, `README.md`) name no folder. */
function addRule(to: Section, pattern: string, rule: Rule, folders: Map<string, readonly string[]>): void {
  const bare = folderOf(pattern);
  const path = bare.split('/').filter((part) => part !== '');
  const name = path.at(-1);
  if (name === undefined || /^\*{1,2}$/.test(bare)) {
    to.everything = rule;
    return;
  }
  if (pattern.startsWith('!') || /[*?.]/.test(name)) return;
  const anywhere = !bare.includes('/') || path.some((part) => /[*?]/.test(part));
  if (anywhere) to.byName.set(name, rule);
  else to.byPath.set(path.join('/'), rule);
  folders.set(wellFormed(name.slice(0, NAME_MAX)), anywhere ? [name] : path);
}

/** What a folder holds is the folder: `/cart/`, `/cart/*`, `/cart/**`. */
function folderOf(pattern: string): string {
  let folder = pattern;
  // In steps, for a regular expression would try each slash of a line that is all slashes up to its end.
  for (;;) {
    const ending = ENDINGS.find((each) => folder.endsWith(each));
    if (ending === undefined) return folder;
    folder = folder.slice(0, -ending.length);
  }
}

const ENDINGS = ['/**', '/*', '/'] as const;

function ruleFor(of: Section, path: readonly string[]): Rule | undefined {
  let last = of.everything;
  for (const [index, part] of path.entries()) {
    for (const rule of [of.byName.get(part), of.byPath.get(path.slice(0, index + 1).join('/'))]) {
      if (rule !== undefined && rule.at > (last?.at ?? -1)) last = rule;
    }
  }
  return last;
}
