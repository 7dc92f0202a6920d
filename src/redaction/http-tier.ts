import { CURL_LETTERS } from './command-programs.ts';
import { scratchFile } from './shell-words.ts';
import type { TierDecision } from './tier-decision.ts';

/**
 * Addresses that answer questions sent with POST, because questions are long: Elasticsearch and OpenSearch, Prometheus and
 * Mimir, Loki, Tempo, Grafana's data sources.
 */
const QUERY_ADDRESS =
  /^https?:\/\/[^\s?#]*\/(?:_search|_msearch|_count|_field_caps|api\/v1\/(?:query|query_range|query_exemplars|series|labels)|loki\/api\/v1\/(?:query|query_range|series|labels)|api\/ds\/query|api\/search)(?:[?#]|$)/i;
const READS = /^(?:get|head|options)$/;
const WRITES = /^(?:post|put|patch|delete)$/;

/** What a request changes, by its method and where it goes; undefined for a word that is no method. */
export function requestTier(rule: string, method: string, addresses: readonly string[]): TierDecision | undefined {
  const verb = method.toLowerCase();
  if (READS.test(verb)) return { tier: 'read', rule, verb };
  if (!WRITES.test(verb)) return undefined;
  const asks = verb === 'post' && addresses.some((address) => QUERY_ADDRESS.test(address));
  return { tier: asks ? 'read' : 'mutate', rule, verb };
}

/** The tier of a command line of curl, wget or `gh api`. */
export function httpClientTier(name: string, words: readonly string[]): TierDecision {
  let method = '';
  let body = false;
  /** Options in a file, which may say anything. */
  let unread = false;
  let asQuery = false;
  let output = name === 'wget' ? undefined : '-';
  for (const [at, word] of words.entries()) {
    const next = words[at + 1] ?? '';
    if (word.startsWith('--')) {
      const [option = '', value = next] = word.split(/=(.*)/s);
      if (option === '--request' || option === '--method') method = value;
      else if (option === '--output' || option === '--output-document') output = value;
      else if (option === '--remote-name' || option === '--output-dir') output = undefined;
      else if (option === '--config') unread = true;
      else if (option === '--spider' || option === '--head') output = '-';
      else if (option === '--get') asQuery = true;
      else if (/^--(?:data|form|json|upload-file|post-|body-|field|raw-field|input)/.test(option)) body = true;
      continue;
    }
    if (!word.startsWith('-')) continue;
    if (name === 'wget') {
      const joined = /^-[a-zA-Z]*O(.*)$/s.exec(word)?.[1];
      if (joined !== undefined) output = joined || next;
      continue;
    }
    // Options of one letter stand together: `-sXDELETE`.
    for (let letterAt = 1; letterAt < word.length; letterAt += 1) {
      const letter = word.charAt(letterAt);
      if (letter === 'G') asQuery = true;
      if (letter === 'I') method ||= 'head';
      if (letter === 'O' && name === 'curl') output = undefined;
      if (!CURL_LETTERS.has(letter) && !(name === 'gh' && letter === 'f')) continue;
      if (letter === 'X') method = word.slice(letterAt + 1) || next;
      if (letter === 'o' && name === 'curl') output = word.slice(letterAt + 1) || next;
      if (letter === 'K' && name === 'curl') unread = true;
      if ('dFTf'.includes(letter)) body = true;
      break;
    }
  }
  const rule = `shell.${name}`;
  const asked = method || (body && !asQuery ? 'post' : 'get');
  const decision = requestTier(rule, asked, words) ?? { tier: 'mutate', rule, verb: undefined };
  if (decision.tier === 'mutate') return decision;
  if (unread) return { tier: 'unknown', rule, verb: undefined };
  return output !== undefined && scratchFile(output) ? decision : { tier: 'mutate', rule, verb: 'write' };
}
