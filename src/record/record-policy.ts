/** Thresholds of the record's rules. Durations in seconds. */
export interface RecordPolicy {
  readonly version: string;
  /** How long one live hypothesis may stand alone, at these severities, before somebody is asked to challenge it. */
  readonly challengeAfterSeconds: number;
  readonly challengeSeverities: readonly string[];
  /**
   * Also when other theories live: this share of at least so many recent queries aimed at the leader, while nobody has tried
   * to disprove it for `challengeAfterSeconds`, asks for a challenge.
   */
  readonly challengeQueryShare: number;
  readonly challengeQueriesMin: number;
  /** How long after an action finished its outcome is owed, unless the action says otherwise. */
  readonly outcomeWithinSeconds: number;
  /** How long an approval request stands, unless it says otherwise. */
  readonly approvalWithinSeconds: number;
  /** Audiences whose messages need no approver. */
  readonly audiencesWithoutApproval: readonly string[];
  /** Whether the person an agent acts for may approve what the agent proposed. */
  readonly delegatorMayApprove: boolean;
}

export const DEFAULT_RECORD_POLICY: RecordPolicy = {
  version: 'record-default-1',
  challengeAfterSeconds: 20 * 60,
  challengeSeverities: ['sev1', 'sev2'],
  challengeQueryShare: 0.8,
  challengeQueriesMin: 10,
  outcomeWithinSeconds: 15 * 60,
  approvalWithinSeconds: 15 * 60,
  audiencesWithoutApproval: [],
  delegatorMayApprove: true,
};
