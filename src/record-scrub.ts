import { ACTOR_NAME, type ScrubText } from './record/scrub-texts.ts';
import type { Redaction } from './pipeline/receipt.ts';
import type { RedactedText, Redactor } from './redaction/redactor.ts';

/** A pause of the process can use up the time for a short text; three in a row are not chance. */
const ATTEMPTS_MAX = 3;

/**
 * Scrubs what is entered in the record. Telemetry that cannot be looked into in time is withheld, since its sender will not
 * ask; whoever enters something is there to be told, so their words are tried again and then refused, never replaced
 * by a marker. Throws when the text could not be checked.
 */
export function createRecordScrub(redactor: Pick<Redactor, 'redactText'>): ScrubText {
  return (text, tenant, incident, key) => {
    for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt += 1) {
      const clean = redactor.redactText(text, { tenant, incident, key });
      // Where redaction only observes, the text stays and nothing is lost.
      const isWithheld =
        clean.text !== text && clean.redactions.some(({ rule }) => rule === 'budget' || rule === 'engine_error');
      if (!isWithheld) return isCovered(clean, key) ? clean.text : text;
    }
    throw new Error('a text of the record could not be checked');
  };
}

/**
 * True when the policy covers what was found in a text under `key`. The name of an actor may be an address or a number of theirs: replaced
 * where one is given something, and left where the same one acts, nobody could accept what was offered to them.
 */
export function isCovered({ redactions }: Pick<RedactedText, 'redactions'>, key: string): boolean {
  return redactions.some((each) => key !== ACTOR_NAME || !isPersonal(each));
}

function isPersonal(redaction: Redaction): boolean {
  return redaction.class.startsWith('pii');
}
