import { isIPv4 } from 'node:net';
import type { PersonalDatum } from './personal-number.ts';

const localCharacter = /[\p{L}\p{M}\p{N}!#$&'*+\-/?^_`{|}~.%]/u;
const domainPattern =
  /(?:\[(?:IPv6:)?[0-9a-f:.]{3,45}\]|[\p{L}\p{N}](?:[\p{L}\p{M}\p{N}_-]|\.(?=[\p{L}\p{N}_-])){0,252})/uy;

const displayNameMax = 80;
/** The name before `<address>` (RFC 5322 §3.4), quoted or of words in capitals: it says whose mailbox that is. */
const displayName =
  /(?:"[^"\n]{1,60}"|'[^'\n]{1,60}'|(?:\p{Lu}[\p{L}\p{M}'.-]{0,24}[ \t]){0,3}[\p{Lu}\p{Extended_Pictographic}][^\s"'<>:,;=]{0,40})[ \t]?$/u;

/** E-mail addresses (RFC 5321 mailboxes, also quoted and internationalised ones). */
export function findEmails(text: string, found: PersonalDatum[]): void {
  for (let at = text.indexOf('@'); at >= 0; at = text.indexOf('@', at + 1)) {
    let start = at;
    if (text[at - 1] === '"') {
      const open = text.lastIndexOf('"', at - 2);
      if (open >= 0 && at - open <= 66) start = open;
    }
    if (start === at) while (start > 0 && at - start < 128 && localCharacter.test(text[start - 1] ?? '')) start--;
    if (start > 1 && text[start - 1] === '\\' && /^[nrt]/.test(text.slice(start)) && at - start > 1) start++;
    // `mailto:` and quotes written with punctuation that may be part of an address.
    while (start < at && /['`{|*&?/.!#$%^~=-]/.test(text[start] ?? '')) start++;
    if (start === at) continue;
    // The user and password of a URL.
    if (/:\/\/[^\s/?#]{0,200}$/.test(text.slice(Math.max(0, start - 204), start))) continue;
    domainPattern.lastIndex = at + 1;
    const domain = domainPattern.exec(text);
    if (!domain) continue;
    const name = domain[0];
    if (!name.startsWith('[') && !/\.[\p{L}\p{N}-]{2,63}$/u.test(name) && !isIPv4(name)) continue;
    // `pkg@1.2.3` is a version, `image@sha256:` a digest, `git@host:` a remote whose user names nobody.
    if ((/^[\d.]+$/.test(name) && !isIPv4(name)) || text.slice(start, at) === 'git') continue;
    let end = at + 1 + name.length;
    if (text[start - 1] === '<' && text[end] === '>') {
      const named = displayName.exec(text.slice(Math.max(0, start - 1 - displayNameMax), start - 1));
      if (named) {
        start -= 1 + named[0].length;
        end += 1;
      }
    }
    found.push({ start, end, rule: 'email', class: 'pii.email', priority: 55 });
  }
}
