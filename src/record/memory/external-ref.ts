/** Where a follow-up is tracked outside Docket. */
export interface ExternalRef {
  readonly system: 'github' | 'jira' | 'web';
  /** `owner/name#12`, `OPS-12`, or the address itself. */
  readonly key: string;
  /** Where it can be read; null for a key without an address. */
  readonly url: string | null;
}

const GITHUB_KEY = /^([A-Za-z0-9](?:[A-Za-z0-9-]{0,38}))\/([A-Za-z0-9._-]{1,100})#([1-9]\d{0,8})$/;
const JIRA_KEY = /^[A-Z][A-Z0-9_]{1,19}-[1-9]\d{0,8}$/;

/**
 * Reads a reference: a GitHub issue or pull request (`owner/name#12` or its address), a Jira issue (`OPS-12` or its address),
 * or any other web address. Undefined when it is none of these; an address that could run something, or that carries
 * credentials, is none.
 */
export function parseExternalRef(text: string): ExternalRef | undefined {
  const key = text.trim();
  if (JIRA_KEY.test(key)) return { system: 'jira', key, url: null };
  const github = GITHUB_KEY.exec(key);
  if (github !== null)
    return { system: 'github', key, url: `https://github.com/${github[1]}/${github[2]}/issues/${github[3]}` };
  if (!/^https?:\/\//i.test(key) || !URL.canParse(key)) return undefined;
  const url = new URL(key);
  if (url.username !== '' || url.password !== '') return undefined;
  if (url.hostname === 'github.com') {
    const [owner = '', name = '', kind = '', number = ''] = url.pathname.split('/').slice(1);
    const named = `${owner}/${name}#${number}`;
    const isItem = (kind === 'issues' || kind === 'pull') && GITHUB_KEY.test(named);
    return isItem ? { system: 'github', key: named, url: url.href } : undefined;
  }
  const browsed = /\/browse\/([^/]+)$/.exec(url.pathname)?.[1];
  if (browsed !== undefined || url.hostname.endsWith('.atlassian.net')) {
    return browsed !== undefined && JIRA_KEY.test(browsed)
      ? { system: 'jira', key: browsed, url: url.href }
      : undefined;
  }
  return url.hostname.includes('.') ? { system: 'web', key: url.href, url: url.href } : undefined;
}
