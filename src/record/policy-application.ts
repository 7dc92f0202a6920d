/**
 * Applying the policy in force to what older policies let into the store: stored content is redacted again and put in the
 * place of what was there. Implemented by the composition root; asked for through the API.
 */
export interface PolicyApplications {
  /** Starts one for the tenant, or says that one is under way. Returns at once. */
  begin(tenant: string, since: Date): PolicyApplicationStart;
  /** The tenant's latest; undefined when there was none. */
  status(tenant: string): PolicyApplicationStatus | undefined;
}

export type PolicyApplicationStart =
  | { readonly kind: 'started'; readonly status: PolicyApplicationStatus }
  /** One at a time: `status` is given when it is this tenant's own. */
  | { readonly kind: 'busy'; readonly status: PolicyApplicationStatus | undefined }
  /** The policy in force observes only: it would change nothing. */
  | { readonly kind: 'observing' };

/** `superseded`: another policy came into force before it was through; what it had done stays done. */
export type PolicyApplicationState = 'running' | 'done' | 'failed' | 'superseded';

/** Where it stands. Counts, names and numbers only: nothing of what was found. */
export interface PolicyApplicationStatus {
  readonly id: string;
  /** The policy that is applied. */
  readonly policyVersion: string;
  /** RFC 3339. What was received from `since` to `until` is looked at. */
  readonly since: string;
  readonly until: string;
  readonly startedAt: string;
  readonly endedAt: string | null;
  readonly state: PolicyApplicationState;
  /** What is under way, in words. */
  readonly step: string;
  readonly tables: readonly AppliedTable[];
  readonly redactions: readonly { readonly rule: string; readonly count: number }[];
  readonly entries: AppliedEntries;
  /** Rows of older policies that are there after the last step. */
  readonly remaining: number;
  /** Why it failed, without content. */
  readonly problem: string | null;
}

export interface AppliedTable {
  readonly table: string;
  /** Rows of older policies that were redacted again. */
  readonly rows: number;
  /** Those of them in which something changed. */
  readonly changed: number;
}

/** Entries of records. Their chain is over what they say, so they stay as they are: those that the policy would change are named. */
export interface AppliedEntries {
  readonly looked: number;
  readonly kept: number;
  /** The first of them, as `INC-1 #4 gap.open`. */
  readonly named: readonly string[];
}
