import { unixNano } from './evidence-by-hand.ts';
import type { QueryAimRequest } from './evidence-queries.ts';
import { leadingHypothesis } from './fixation.ts';
import { isLive, type HypothesisState, type IncidentState } from './incident-state.ts';

/** Newest queries that count as recent. */
const RECENT_QUERIES = 50;
const TERMS_MAX = 40;

/** Words that name nothing: theories are full of them. */
const PLAIN_WORDS: ReadonlySet<string> = new Set(
  (
    'about above after again against also been before being below between both broke broken cause caused causes could does doing ' +
    'down during each error errors every fail failed failing fails failure from full goes have having high into itself least less ' +
    'made make makes many more most much must none only other over part same sends since some still stop such than that their them ' +
    'then there these they this those through time times under until very what when where which while will with without would ' +
    'because cannot problem problems service services system slow slower request requests rise rises running wrong'
  ).split(' '),
);

/**
 * What to ask the store to learn how many recent queries were aimed at the leading theory: the words that set it apart from
 * the other live theories and from the incident's own title and services, which every query is about. Undefined when there
 * is no leader or no such word.
 */
export function queryAimOf(state: IncidentState): QueryAimRequest | undefined {
  const leader = leadingHypothesis(state);
  if (leader === undefined) return undefined;
  const shared = new Set([
    ...wordsOf([state.title, ...state.services, ...state.environments].join(' ')),
    ...state.hypotheses
      .all()
      .filter((each) => isLive(each) && each.id !== leader.id)
      .flatMap((each) => [...wordsOf(textOf(each))]),
  ]);
  const terms = [...wordsOf(textOf(leader))].filter((word) => !shared.has(word)).slice(0, TERMS_MAX);
  if (terms.length === 0) return undefined;
  return { terms, fromUnixNano: unixNano(leader.at), limit: RECENT_QUERIES };
}

function textOf(hypothesis: HypothesisState): string {
  return [hypothesis.statement, ...hypothesis.predicts, ...hypothesis.refutedBy].join(' ');
}

/** Lower-case words of at least four letters or with a digit in them (versions, hosts), without the plain ones and plurals. */
function wordsOf(text: string): ReadonlySet<string> {
  const words = new Set<string>();
  for (const [word] of text.toLowerCase().matchAll(/[\p{L}\p{N}][\p{L}\p{N}._-]*[\p{L}\p{N}]/gu)) {
    if (PLAIN_WORDS.has(word)) continue;
    if (/\p{N}/u.test(word) ? word.length >= 3 : word.length >= 4) words.add(word.replace(/(?<=\p{L}{3})s$/u, ''));
  }
  return words;
}
