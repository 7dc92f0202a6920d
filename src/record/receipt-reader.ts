/** One stored redaction: what was done to which place of which record, under which rule and policy. Never a value. */
export interface StoredReceipt {
  readonly receivedAt: string;
  readonly signal: string;
  readonly traceId: string;
  readonly spanId: string;
  /** SHA-256 of the export request as it was kept, and the record's ordinal in it. */
  readonly frame: string;
  readonly item: number;
  /** `<policy id>@<first 12 hex of its SHA-256>`. */
  readonly policyVersion: string;
  readonly path: string;
  readonly class: string;
  readonly rule: string;
  readonly ruleVersion: number;
  readonly action: string;
  readonly encodings: readonly string[];
  readonly originalBytes: number;
  readonly fingerprint: string;
}

/** Where an evidence row came from, to find its receipts by. */
export interface EvidenceOrigin {
  readonly evidenceId: string;
  readonly kind: string;
  readonly summary: string;
  readonly traceId: string;
  readonly spanIds: readonly string[];
  readonly policyVersion: string;
  /** The row's own copy of its receipts, as JSON. */
  readonly redactions: string;
}

/** Reads redaction receipts back. Implemented by `store/`; another tenant's are not there. */
export interface ReceiptReader {
  /** Receipts of a trace, or of its given spans only; oldest first, at most `limit` (1 to 1,000). */
  ofTrace(
    tenant: string,
    traceId: string,
    spanIds: readonly string[],
    limit: number,
  ): Promise<readonly StoredReceipt[]>;
  /** Those of `rules` that redacted something in evidence of the incident. */
  rulesApplied(tenant: string, incidentId: string, rules: readonly string[]): Promise<ReadonlySet<string>>;
  /** The origin of an evidence row, whatever incident it is filed under; undefined when the tenant has none of this id. */
  evidenceOrigin(tenant: string, evidenceId: string): Promise<EvidenceOrigin | undefined>;
}
