const TEMPLATE_LENGTH_MAX = 200;
const TOKENS_MAX = 24;

/**
 * A message without what differs from one occurrence to the next: numbers, ids, addresses, quoted text and paths become
 * `<*>`. "Timeout after 3000 ms calling 10.1.2.3:443" and "Timeout after 150 ms calling 10.9.9.9:443" are one template.
 * Empty when nothing but variables is left.
 */
export function logTemplate(message: string): string {
  const [line = ''] = message.trim().slice(0, 2_000).split('\n', 1);
  const masked = line
    .replace(/\[(?:redacted|withheld|cut|pseudonym):[^\]]{0,300}\]/gu, '<*>')
    .replace(/https?:\/\/\S+/gu, '<*>')
    .replace(/"[^"]{0,500}"|'[^']{0,500}'/gu, '<*>')
    .replace(/\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/giu, '<*>')
    .replace(/(?:\/[\w.@%-]+){2,}/gu, '<*>');
  const tokens = masked
    .split(/\s+/u)
    .slice(0, TOKENS_MAX)
    .map((token) => (/\d/u.test(token) ? token.replace(/^([\p{L}_]+[=:])?.*?([,;:)\]]?)$/u, '$1<*>$2') : token));
  const template = tokens
    .join(' ')
    .replace(/<\*>(?:[\s,;:]*<\*>)+/gu, '<*>')
    .trim()
    .slice(0, TEMPLATE_LENGTH_MAX);
  return /\p{L}{2}/u.test(template.replaceAll('<*>', '')) ? template : '';
}

/**
 * Names of exceptions in a text: `java.net.ConnectException`, `TimeoutError`, `ECONNREFUSED`, each with at most the last twelve parts in
 * front of it. At most ten, each once.
 */
export function exceptionTypes(text: string): readonly string[] {
  const found = new Set<string>();
  // How many parts, and how long, is bounded: from each word of a text that is all dots a search would go to its end.
  const names = text
    .slice(0, 20_000)
    .matchAll(
      /\b(?:[A-Za-z_]\w{0,80}\.){0,12}[A-Z]\w{0,80}(?:Exception|Error|Failure|Fault|Timeout)\b|\bE[A-Z]{4,20}\b/gu,
    );
  for (const [name] of names) {
    if (found.size >= 10) break;
    // EVERY and ERROR are words; the codes of the operating system are these.
    if (!/^E[A-Z]+$/u.test(name) || SYSTEM_ERRORS.has(name)) found.add(name);
  }
  return [...found];
}

const SYSTEM_ERRORS: ReadonlySet<string> = new Set([
  'EACCES',
  'EADDRINUSE',
  'EADDRNOTAVAIL',
  'EAGAIN',
  'ECONNABORTED',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'EMFILE',
  'ENETUNREACH',
  'ENFILE',
  'ENOENT',
  'ENOMEM',
  'ENOSPC',
  'ENOTFOUND',
  'EPERM',
  'EPIPE',
  'EROFS',
  'ETIMEDOUT',
]);
