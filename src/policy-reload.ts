import { statSync } from 'node:fs';
import type { Meter } from '@opentelemetry/api';
import type { ComponentHealth } from './api/health.ts';
import { loadPolicy, PolicyError } from './redaction/policy-file.ts';
import type { CompiledPolicy } from './redaction/policy.ts';
import type { Logger } from './telemetry/logger.ts';

/** How often the file is looked at. A change is loaded when two looks in a row saw the same. */
const LOOK_EVERY_MS = 1_000;
const PROBLEMS_LOGGED_MAX = 50;

export interface PolicyReloadOptions {
  /** The policy file; undefined for the built-in policy, which never changes. */
  readonly path: string | undefined;
  /** The policy the file held when the service started. */
  readonly current: CompiledPolicy;
  /** Puts a policy in force. */
  readonly apply: (policy: CompiledPolicy) => void;
  readonly logger: Logger;
  readonly meter: Meter;
  readonly lookEveryMs?: number;
}

/** Keeps the policy in force as its file says. */
export interface PolicyReload {
  /** Loads the file now, changed or not. True when what it says is in force. */
  reload(): boolean;
  health(): ComponentHealth;
  close(): void;
}

/**
 * Watches the policy file by looking at it: saving in place, renaming over it and swapping a link all show in its status. A file
 * that cannot be used changes nothing: the old policy stays in force, loudly.
 */
export function createPolicyReload(options: PolicyReloadOptions): PolicyReload {
  const { path, logger } = options;
  const reloads = options.meter.createCounter('docket.redaction.policy_reloads', {
    description: 'Attempts to put a changed policy file in force',
    unit: '{reload}',
  });
  const refused = options.meter.createObservableGauge('docket.redaction.policy_refused', {
    description: '1 while the policy file has problems and an older policy is in force',
  });
  refused.addCallback((result) => result.observe(problems === 0 ? 0 : 1));

  let current = options.current;
  let problems = 0;
  let loaded = path === undefined ? '' : statusOf(path);
  let lastSeen = loaded;

  function reload(): boolean {
    if (path === undefined) return true;
    loaded = statusOf(path);
    lastSeen = loaded;
    try {
      const policy = loadPolicy(path);
      const changed = policy.version !== current.version;
      problems = 0;
      current = policy;
      options.apply(policy);
      reloads.add(1, { result: changed ? 'applied' : 'unchanged' });
      if (changed && policy.mode === 'observe') {
        logger.warn({ policy: policy.version }, 'the policy observes only: content is stored as it was sent');
      }
      return true;
    } catch (error) {
      const list = error instanceof PolicyError ? error.problems : [];
      problems = Math.max(1, list.length);
      reloads.add(1, { result: 'refused' });
      logger.error(
        {
          policy: current.version,
          problems: list.slice(0, PROBLEMS_LOGGED_MAX).map((each) => `${each.at}: ${each.message}`),
          ...(list.length === 0 && { error: error instanceof Error ? error.name : 'unknown' }),
        },
        'the policy file cannot be used; the old policy stays in force',
      );
      return false;
    }
  }

  const timer =
    path === undefined
      ? undefined
      : setInterval(() => {
          const seen = statusOf(path);
          // Half-written files go on changing: only what stood still between two looks is read.
          if (seen === lastSeen && seen !== loaded) reload();
          lastSeen = seen;
        }, options.lookEveryMs ?? LOOK_EVERY_MS);
  timer?.unref();

  return {
    reload,
    health() {
      const measures = { refused: problems === 0 ? 0 : 1 };
      const name = 'policy';
      if (problems > 0) {
        const count = problems === 1 ? 'a problem' : `${problems} problems`;
        return { name, ok: false, detail: `the file has ${count}; ${current.version} stays in force`, measures };
      }
      if (current.mode === 'observe') {
        return { name, ok: true, detail: `${current.version} observes only: nothing is redacted`, measures };
      }
      return { name, ok: true, detail: `${current.version} is in force`, measures };
    },
    close() {
      clearInterval(timer);
    },
  };
}

/** What tells one state of the file from another; a file that is not there is a state too. */
function statusOf(path: string): string {
  try {
    const { mtimeNs, ctimeNs, size, ino } = statSync(path, { bigint: true });
    return `${mtimeNs} ${ctimeNs} ${size} ${ino}`;
  } catch {
    return 'absent';
  }
}
