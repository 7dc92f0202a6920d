/** Characters of the largest text a pattern is tried on, and of the one it may take `CPU_MS_MAX` for. */
const LARGEST = 32_768;
const FULL = 8192;
const CPU_MS_MAX = 10;
/** More than this from one size to four times that size is worse than linear. */
const GROWTH_MAX = 6;
/** Below it, what is measured is the clock. */
const NOISE_MS = 1;
const RUNS = 3;

/**
 * Why a pattern is too slow, in a sentence; undefined when it is not. It is tried on texts made of its own keywords and of the
 * characters it speaks of, in growing sizes, so that a pattern that explodes is stopped while it is still small. Measures
 * processor time, the least of three runs.
 */
export function growthProblem(pattern: string, keywords: readonly string[]): string | undefined {
  const expression = new RegExp(pattern, 'g');
  const heads = ['', ...keywords.slice(0, 2)];
  const texts = unitsOf(pattern, keywords).flatMap((unit) => heads.map((head) => ({ head, unit })));
  for (const { head, unit } of texts) {
    const cost = (size: number): number => {
      const text = `${head}${unit.repeat(Math.ceil(size / unit.length)).slice(0, size)}!`;
      let least = Number.POSITIVE_INFINITY;
      for (let run = 0; run < RUNS && (run === 0 || least > NOISE_MS); run += 1) {
        const before = process.cpuUsage();
        expression.lastIndex = 0;
        for (let match = expression.exec(text); match !== null; match = expression.exec(text)) {
          if (match[0] === '') expression.lastIndex += 1;
        }
        const { user, system } = process.cpuUsage(before);
        least = Math.min(least, (user + system) / 1e3);
      }
      return least;
    };
    for (let size = 32; size <= FULL; size *= 2) {
      if (cost(size) >= CPU_MS_MAX)
        return `takes too long on ${size} characters of repeated text: bound its repeats more tightly`;
    }
    const full = Math.max(cost(FULL), NOISE_MS);
    if (cost(LARGEST) > full * GROWTH_MAX) return 'takes more than linear time: bound its repeats more tightly';
  }
  return undefined;
}

function unitsOf(pattern: string, keywords: readonly string[]): string[] {
  const literal = [...new Set(pattern.replaceAll(/\\./g, ''))].filter((character) =>
    /[^\\()[\]{}|?*+^$]/.test(character),
  );
  const units = ['a', 'A', '0', ' ', '_', '-', 'aA0', 'a '];
  for (const keyword of keywords.slice(0, 4)) units.push(keyword, `${keyword} `, `${keyword}a`, `${keyword}0`);
  return [...new Set([...units, ...literal.slice(0, 16)])];
}
