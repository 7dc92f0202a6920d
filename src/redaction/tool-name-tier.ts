import type { TierDecision } from './tier-decision.ts';
import { wordSet } from './word-set.ts';

const NAME_READ = wordSet(`
  get list read query search describe show fetch find lookup look view inspect check count analyze analyse diff
  compare explain summarize summarise logs log metrics traces trace grep glob ls cat status history top browse
  retrieve discover validate ping websearch webfetch select recall observe promql logql traceql
`);
const NAME_MUTATE = wordSet(`
  create update delete patch apply restart rollback scale deploy write edit set remove drop kill stop start
  terminate drain cordon uncordon put post push merge install uninstall upgrade reboot enable disable toggle send
  revert undo insert upsert rename move failover promote trigger submit cancel purge flush reset modify replace
  annotate label taint evict resume pause release destroy provision resize migrate invalidate rotate reload clear
  grant revoke redeploy restore attach detach quarantine isolate sync silence mute unmute unblock
`);
/** Words that are always verbs, and ask: what follows is their object. */
const NAME_ASK = wordSet(`
  get list describe show fetch retrieve inspect check count compare explain summarize analyze validate discover lookup
`);
const NAME_AND = wordSet('and or then');
/**
 * Verbs of tools that run what their arguments hold (`execute_python`, `run_sql`): they reach as far as that does, so a name
 * alone says nothing. Where every call of a code interpreter counted as a change, the real ones went unseen among them.
 */
const NAME_RUN = wordSet('execute exec run eval evaluate invoke interpreter');
/** What a running tool may run without changing anything, when its name says so: `run_query`, `execute_promql`. */
const NAME_RUN_READ = wordSet('query search promql logql traceql diagnostics');
/** Nouns of the incident record itself and of an agent's own notes: writing there changes nothing in production. */
const RECORD_TOOL =
  /(?:^|[_.-])(?:todos?|update_plan|save_memory|notes?|hypothesis|hypotheses|stance|incident_note|record_note|record_entry|timeline|evidence|follow_?up|decision|handoff|incident_status|incident_record|docket)(?:$|[_.-])/;

/** What a tool's name alone says of its reach. */
export function nameTier(toolName: string, words: readonly string[]): TierDecision {
  if (toolName === '') return { tier: 'unknown', rule: 'none', verb: undefined };
  const mutating = mutatingWord(words);
  const reading = words.find((word) => NAME_READ.has(word));
  if (mutating !== undefined && RECORD_TOOL.test(words.join('_'))) {
    return { tier: 'write_record', rule: 'name.record', verb: mutating };
  }
  if (
    words.some((word) => word === 'add' || word === 'propose' || word === 'record' || word === 'save') &&
    RECORD_TOOL.test(words.join('_'))
  ) {
    return { tier: 'write_record', rule: 'name.record', verb: 'add' };
  }
  // A name that holds both (`get_or_create`) can do both.
  if (mutating === undefined && words.some((word) => NAME_RUN.has(word))) {
    const asks = words.find((word) => NAME_RUN_READ.has(word));
    if (asks !== undefined && !words.includes('sql')) return { tier: 'read', rule: 'name.verb', verb: asks };
    return { tier: 'unknown', rule: 'name.run', verb: undefined };
  }
  if (mutating !== undefined) return { tier: 'mutate', rule: 'name.verb', verb: mutating };
  if (reading !== undefined) return { tier: 'read', rule: 'name.verb', verb: reading };
  return { tier: 'unknown', rule: 'none', verb: undefined };
}

/**
 * The first word that is a verb of change. Behind a verb that only asks such a word names what is asked for (`get_release_status`,
 * `list_merge_requests`), unless the name holds both (`get_or_create`).
 */
function mutatingWord(words: readonly string[]): string | undefined {
  const at = words.findIndex((word, index) => NAME_MUTATE.has(word) && !isNoun(word, words[index + 1]));
  if (at === -1) return undefined;
  const asks = words.slice(0, at).some((word) => NAME_ASK.has(word));
  return asks && !words.some((word) => NAME_AND.has(word)) ? undefined : words[at];
}

/** `label_values`, `post_mortem`. */
function isNoun(word: string, next: string | undefined): boolean {
  return (word === 'label' && (next === 'values' || next === 'names')) || (word === 'post' && next === 'mortem');
}

/** Agents call the same few tools again and again. */
const namesKnown = new Map<string, readonly string[]>();
const NAMES_KNOWN_MAX = 256;
/** Of a longer name, the rest is not looked at. */
const NAME_LENGTH_MAX = 256;

/** The words of a tool's name in lower case: `mcp__k8s__getPods` gives mcp, k8s, get, pods. */
export function nameWords(name: string): readonly string[] {
  const known = namesKnown.get(name);
  if (known !== undefined) return known;
  const words = splitName(name);
  if (name.length <= NAME_LENGTH_MAX) {
    if (namesKnown.size >= NAMES_KNOWN_MAX) namesKnown.clear();
    namesKnown.set(name, words);
  }
  return words;
}

function splitName(name: string): string[] {
  return name
    .slice(0, NAME_LENGTH_MAX)
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '');
}
