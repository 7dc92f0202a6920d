import { readFileSync, statSync } from 'node:fs';
import { compilePolicy, type Environment } from './policy-compile.ts';
import { policySchema } from './policy-schema.ts';
import { PolicyError, readYaml } from './policy-source.ts';
import type { CompiledPolicy, PresetName } from './policy.ts';

export { PolicyError, type PolicyProblem } from './policy-source.ts';

/** A larger policy file is refused unread. */
const POLICY_BYTES_MAX = 1024 * 1024;

/** The policy in force when no file is named: preset `balanced`, id `default`. */
export function defaultPolicy(preset: PresetName = 'balanced'): CompiledPolicy {
  return compilePolicy({ version: 1, id: preset === 'balanced' ? 'default' : preset, preset, mode: 'enforce' });
}

/**
 * Loads a policy file, or the built-in policy when `path` is undefined. Throws PolicyError with every problem found: bad YAML,
 * unknown fields, patterns outside the safe subset; a missing file is a problem too, never a reason to go on without it.
 */
export function loadPolicy(path: string | undefined, environment: Environment = process.env): CompiledPolicy {
  if (path === undefined) return defaultPolicy();
  let text: string;
  try {
    const status = statSync(path);
    const { size } = status;
    // A pipe that nobody writes to would hold up the start for ever.
    if (!status.isFile()) throw new PolicyError([{ at: path, message: 'is not a file' }]);
    if (size > POLICY_BYTES_MAX) {
      throw new PolicyError([
        { at: `${path}:1`, message: `is ${size} bytes; a policy has at most ${POLICY_BYTES_MAX}` },
      ]);
    }
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof PolicyError) throw error;
    throw new PolicyError([{ at: path, message: `cannot be read (${(error as NodeJS.ErrnoException).code})` }]);
  }
  return parsePolicy(text, path, environment);
}

/** Reads a policy from YAML. `file` is only for messages. */
export function parsePolicy(text: string, file: string, environment: Environment = process.env): CompiledPolicy {
  if (Buffer.byteLength(text) > POLICY_BYTES_MAX) {
    throw new PolicyError([{ at: `${file}:1`, message: `a policy has at most ${POLICY_BYTES_MAX} bytes` }]);
  }
  const source = readYaml(text, file, policySchema);
  return compilePolicy(source.data, source.problemAt, file, environment);
}
