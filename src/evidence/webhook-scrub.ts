/** Takes secrets out of one text, which stands under `key`. */
export type ScrubText = (text: string, tenant: string, key: string) => string;

/** A payload with secrets taken out of every text, before anything else sees it. Throws what `scrub` throws, and RangeError when nested too deeply. */
export function scrubbedPayload(scrub: ScrubText, tenant: string, payload: unknown): unknown {
  // The alerts of a request share their labels' names.
  const names = new Map<string, string>();
  return mapText(payload, {
    text: (text, key) => (isTime(text, key) ? text : scrub(text, tenant, TELLING_APART.test(key) ? '' : key)),
    name(name) {
      const clean = names.get(name) ?? scrub(name, tenant, '');
      names.set(name, clean);
      return clean;
    },
  });
}

/** A count since the epoch where a time belongs: one in ten of them could be the number of a card. */
function isTime(text: string, key: string): boolean {
  return /^(?:date|date_posix|last_updated|timestamp|.*(?:_at|At))$/.test(key) && /^1\d{9}(?:\d{3}){0,3}$/.test(text);
}

/** Keys that tell alerts apart, and are none to unlock anything with, though their names end as if. */
const TELLING_APART = /^(?:incident|dedup|aggreg|aggregation|alert_cycle|group)_?key$/i;

const DEPTH_MAX = 64;

interface TextChange {
  text(text: string, key: string): string;
  name(name: string): string;
}

/** Texts with the name of the member they stand under: programs write them, as they do attributes of telemetry. Names are texts too. */
function mapText(value: unknown, change: TextChange, key = '', depth = 0): unknown {
  if (depth > DEPTH_MAX) throw new RangeError('nested too deeply');
  if (typeof value === 'string') return change.text(value, key);
  if (Array.isArray(value)) return value.map((each) => mapText(each, change, key, depth + 1));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [change.name(name), mapText(each, change, name, depth + 1)]),
  );
}
