/**
 * Values that say themselves that they are no credential, whatever the name before them: times, versions, media types, digests,
 * public keys, images, references to where a secret is kept, values with a label of their own, sentences. A value under a telling
 * name is a secret unless one of these forms fits all of it.
 */
import { isOpaque } from './opaque-token.ts';
import { classifyKey } from './sensitive-key.ts';

/** Longer values are not looked at: they are treated as what their name says. */
const lengthMax = 1024;

const time = '\\d{4}-\\d\\d-\\d\\d[Tt ]\\d\\d:\\d\\d(?::\\d\\d(?:\\.\\d{1,9})?)?(?:[Zz]|[+-]\\d\\d:?\\d\\d)?';
const digest = '(?:sha(?:1|224|256|384|512)[-:]|h1:)[A-Za-z0-9+/=]{27,128}';
const uuid = '[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}';

/** Nobody's password and nobody's token. */
const machineForms: readonly RegExp[] = [
  // RFC 3339.
  new RegExp(`^${time}$`),
  // Semantic versions, and products with one (RFC 9110 §10.1.5).
  /^v?\d{1,4}\.\d{1,6}\.\d{1,6}(?:-(?:alpha|beta|rc|pre|dev|snapshot|next|canary)[.\d-]{0,16})?(?:\+(?:build[.-]?)?\d{0,16})?$/i,
  /^[A-Z][A-Za-z]{2,20}\/\d{1,4}(?:\.\d{1,6}){1,4}$/,
  // Media types (RFC 6838 §4.2).
  /^(?:application|audio|font|image|message|model|multipart|text|video)\/[a-z][a-z0-9.+-]{1,60}(?:[ ;].{0,80})?$/i,
  // W3C trace context.
  /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/,
  new RegExp(`^${digest}$`),
  // What is public by its own name (RFC 7468).
  /^-----BEGIN (?:[A-Z0-9]{1,12} )?(?:PUBLIC KEY|CERTIFICATE|CERTIFICATE REQUEST|X509 CRL)-----(?!.{0,1024}PRIVATE)/s,
  // PNG, GIF, JPEG, PDF in base64, and data URLs (RFC 2397): what they carry is looked at by itself.
  /^(?:iVBORw0KGgo|R0lGOD(?:lh|dh)|\/9j\/4AAQ|JVBERi0x)[A-Za-z0-9+/=]{16,}$/,
  /^\s?data:(?:[a-z]{1,16}\/[a-z0-9.+-]{1,60})?(?:;[a-z0-9=-]{1,40}){0,3},/i,
  // Ids of Amazon EC2 resources.
  /^(?:(?:ami|i|vpc|vpce|subnet|sg|acl|eni|eip|eipalloc|igw|nat|rtb|snap|vol|tgw|pcx|lt|asg)-[0-9a-f]{8}(?:[0-9a-f]{9})?(?:[ ,]{1,2}|$)){1,8}$/,
  // Templates, references to variables and to files, blanked values.
  /^(?:\$\{[^{}\n]{1,80}\}|\$\([^()\n]{1,80}\)|\$[A-Z_][A-Z0-9_]{1,60}|%[A-Z_][A-Z0-9_]{1,60}%|\{\{[^{}\n]{1,80}\}\}|<[^<>\n]{1,60}>|[xX]{3,64}|\*{3,64}|•{3,64}|\/(?:run|var\/run)\/secrets\/[\w./-]{1,120})$/,
  /^(?:null|nil|none|undefined|true|false|unset|redacted|\[redacted\]|\(redacted\)|<redacted>|\[filtered\]|n\/a)$/i,
];

/** No token either, but somebody's password might be a date or a colour. */
const shortForms: readonly RegExp[] = [
  /^\d{4}[-/]\d\d[-/]\d\d$/,
  /^\d\d[-/]\d\d[-/]\d{2,4}$/,
  /^\d{4}-\d{3}$/,
  /^#[0-9a-f]{6}$/i,
];

/** Words of sentences; none of them is in the word lists that passphrases and wallets are made of (BIP 39). */
const functionWord =
  /^(?:the|a|an|of|to|in|is|on|and|at|by|from|for|was|were|are|be|been|as|or|which|has|had|it|its|their|caused|after|due)$/i;

/** A name and its own value: `request_id=…`, `"traceId":"…"`, `resolution: {integrity: sha512-…}`, `k8s.pod.name=…`. */
const labelled =
  /^\{?["']?(?:[a-z]{2,24}: ?\{)?["']?([A-Za-z][\w.-]{1,80})["']?\s?[:=]\s?["']?([^"'{}\s=]{1,200}={0,2})["']?\}{0,2}$/;
const dottedName = /^[a-z][a-z0-9_]*(?:\.[a-z0-9_]+)+$/;
const labelName =
  /^(?:.*(?:trace|span|parent|request|correlation|incident|event|message|order|job|build|deploy|deployment|pod|node|container|instance|commit)[_-]?id|.*time_?unix_?nano|.*(?:timestamp|_at)|traceparent|integrity|tokenizer|commit|rev|revision|digest|checksum|sha-?\d{1,3}|etag|version)$/i;
const openName =
  /(?:^|[._])(?:value|val|data|content|text|string|raw|key|user|username|login|account|client|env|config)$/i;
const plainValue = new RegExp(
  `^(?:${uuid}|${digest}|${time}|[0-9a-f]{16}|[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}|-?\\d{1,19}(?:\\.\\d{1,9})?)$`,
);

function isLabelled(text: string): boolean {
  const match = labelled.exec(text);
  if (!match) return false;
  const name = match[1] ?? '';
  const value = match[2] ?? '';
  if (!(labelName.test(name) || (dottedName.test(name) && !openName.test(name))) || classifyKey(name)) return false;
  return plainValue.test(value) || (value.length <= 48 && /^[\w.:/-]+$/.test(value) && !isOpaque(value, 10));
}

/** Prose: at least five words, at least two of them such as only sentences have. */
function isSentence(text: string): boolean {
  const words = text.split(/[\s,.;:]+/).filter((word) => word !== '');
  if (words.length < 5) return false;
  return words.filter((word) => functionWord.test(word)).length >= 2;
}

/**
 * Whether a value is none of what its key's name says it is.
 * @param rule id of the key rule; passwords may look like more than tokens may
 */
export function isHarmlessValue(text: string, rule: string): boolean {
  if (text.length > lengthMax) return false;
  const value = text.trim();
  if (machineForms.some((form) => form.test(value))) return true;
  if (rule !== 'password-key' && shortForms.some((form) => form.test(value))) return true;
  if (isLabelled(value)) return true;
  return rule !== 'cookie-key' && rule !== 'private-key-key' && !value.includes('://') && isSentence(value);
}
