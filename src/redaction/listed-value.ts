import type { KeyRule } from './key-rule.ts';

/** What an item of a list says about the one behind it. */

/** `--password` before a value in an argument list names that value. */
export function flagName(item: string): string {
  // `-u name:password`, as curl and others take it.
  if (item === '-u' || item === '--user') return USER_FLAG;
  const match = /^--?([A-Za-z][\w.-]{1,63})$/.exec(item);
  return match?.[1] ?? '';
}

/** What `-u` names. */
export const USER_FLAG = 'user';

/** The name of a pair in a list, when its value is more than a word: `["password", "email"]` are two names. */
export function listedName(
  name: string,
  text: string,
  { start, end }: { readonly start: number; readonly end: number },
): string {
  return name === '' || /^[A-Za-z_ .-]*$/.test(text.slice(start, Math.min(end, start + 64))) ? '' : name;
}

/** The value of `-u` when it names a password too; numbers are a process's user and group. */
export function userRule(value: string): KeyRule | undefined {
  return /^[^\s:/]{1,128}:[^\s/]/.test(value) && !/^\d+:\d+$/.test(value)
    ? { rule: 'curl-user', ruleVersion: 1, class: 'secret.password' }
    : undefined;
}
