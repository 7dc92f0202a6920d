import { dirname, join } from 'node:path';
import type { DetectorRule } from './detectors/rule.ts';
import { PolicyError, type PolicyProblem } from './policy-source.ts';
import { loadRulePack } from './rule-pack.ts';

/** Raised when rules of the pack begin to find more, less or something else. */
const BUILTIN_PACKS: ReadonlyMap<string, number> = new Map([
  ['builtin/secrets', 3],
  ['builtin/pii-core', 2],
]);
const BUILTIN_NAMES = [...BUILTIN_PACKS].map(([name, version]) => `${name}@${version}`).join(' and ');
/** The rules of the packs that are files; a pack of Docket's own must be the one that this release has. */
export function compilePacks(
  packs: readonly string[],
  file: string,
  problems: PolicyProblem[],
  problemAt: (path: (string | number)[], message: string) => PolicyProblem,
): DetectorRule[] {
  const rules: DetectorRule[] = [];
  const refuse = (index: number, message: string): void => {
    problems.push(problemAt(['packs', index], `packs.${index}: ${message}`));
  };
  const named = new Set<string>();
  for (const [index, pack] of packs.entries()) {
    const builtin = /^(builtin\/[a-z-]+)(?:@(\d+))?$/.exec(pack);
    if (builtin !== null) {
      const [, name = '', version] = builtin;
      const present = BUILTIN_PACKS.get(name);
      if (present === undefined) refuse(index, `there is no such pack; this release has ${BUILTIN_NAMES}`);
      else if (version !== undefined && Number(version) !== present)
        refuse(index, `this release has ${name}@${present}`);
      named.add(name);
    } else if (/^\.\/[^\\]{1,256}\.rules\.yaml$/.test(pack) && !pack.includes('..')) {
      try {
        rules.push(...loadRulePack(join(dirname(file), pack), new Set(rules.map((each) => each.id))));
      } catch (error) {
        if (!(error instanceof PolicyError)) throw error;
        problems.push(...error.problems);
      }
    } else {
      refuse(index, 'a pack is builtin/<name>@<version>, or a file ./<name>.rules.yaml beside the policy');
    }
  }
  for (const name of BUILTIN_PACKS.keys()) {
    if (packs.length > 0 && !named.has(name)) {
      const instead = 'actions with do: keep lets single classes and rules through';
      problems.push(problemAt(['packs'], `packs: ${name} cannot be left out; ${instead}`));
    }
  }
  return rules;
}
