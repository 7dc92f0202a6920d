/**
 * Words worth comparing: lower-case, without the words every text has, with endings cut so that "timeouts" meets
 * "timeout". Names with dots, dashes or underscores (`boot.ini`, `lock-service`) count whole and in their parts.
 */
const STOP_WORDS: ReadonlySet<string> = new Set(
  `a about above after again against all also although am an and any are as at back be because been before being below
  between both but by can cannot could did do does doing done down during each either else even ever every few first for
  from further get gets getting give given go goes going got had has have having he her here him his how however i if in
  into is it its itself just know last later let like made make makes many may me might more most much must my never new no
  nor not now of off on once one only or other our out over own part per put rather re same second see seen shall she should
  since so some still such take taken than that the their them then there these they this those though through thus to too
  toward two under until up upon us use used using very via was we well were what when where which while who whole whom whose
  why will with within without would yet you your
  am pm utc gmt pst pdt cet est edt jan feb mar apr jun jul aug sep sept oct nov dec january february march april june july
  august september october november december monday tuesday wednesday thursday friday saturday sunday
  incident incidents postmortem outage approximately`.split(/\s+/u),
);

const WORD_LENGTH_MAX = 40;
const TEXT_LENGTH_MAX = 50_000;

/** In the order they stand, repeats kept. */
export function wordsOf(text: string): readonly string[] {
  const words: string[] = [];
  const masked = text
    .slice(0, TEXT_LENGTH_MAX)
    .replace(/https?:\/\/\S+|\[(?:redacted|withheld|cut|pseudonym):[^\]]{0,300}\]/gu, ' ');
  for (const [token] of masked.toLowerCase().matchAll(/[\p{L}\p{N}]+(?:[._-][\p{L}\p{N}]+)*/gu)) {
    const parts = token.split(/[._-]/u);
    if (parts.length > 1 && isWord(token)) words.push(token);
    for (const part of parts) if (isWord(part)) words.push(stem(part));
  }
  return words;
}

function isWord(token: string): boolean {
  // Numbers and digests are of one incident only.
  return (
    token.length >= 2 &&
    token.length <= WORD_LENGTH_MAX &&
    !STOP_WORDS.has(token) &&
    /\p{L}/u.test(token) &&
    !/^(?=.*\d)[0-9a-f]{8,}$/u.test(token)
  );
}

/** Cuts plural and tense endings of English words; anything short or with digits stays. */
export function stem(word: string): string {
  if (word.length < 5 || /\d/u.test(word)) return word.length === 4 && /[^s]s$/u.test(word) ? word.slice(0, -1) : word;
  let cut = word;
  if (cut.endsWith('ies')) cut = `${cut.slice(0, -3)}y`;
  else if (/(?:sses|xes|ches|shes)$/u.test(cut)) cut = cut.slice(0, -2);
  else if (/[^su]s$/u.test(cut)) cut = cut.slice(0, -1);
  for (const ending of ['ation', 'ment', 'ing', 'ed', 'ly']) {
    if (!cut.endsWith(ending) || cut.length - ending.length < 4) continue;
    cut = cut.slice(0, -ending.length);
    // "dropped", "running": the doubled letter belongs to the ending.
    if (/([bdgmnprt])\1$/u.test(cut)) cut = cut.slice(0, -1);
    break;
  }
  return cut.length > 4 && cut.endsWith('e') ? cut.slice(0, -1) : cut;
}
