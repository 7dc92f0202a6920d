/** What a tool call can change. `unknown` is treated as `mutate` by everything that guards. */
export type ToolTier = 'read' | 'write_record' | 'mutate' | 'unknown';

/**
 * What later stages need of a record but could not derive from redacted content. Computed by redaction on the original;
 * content-free by construction: tiers, digests under the deployment's key, ids.
 */
export interface ItemFacts {
  /** Ordinal of the record in the request, as in RecordReceipt. */
  readonly item: number;
  /** Tier of the tool call this record describes, and the rule that decided it. */
  readonly tier?: ToolTier;
  readonly tierRule?: string;
  /** The operation's verb when the arguments showed one, e.g. `get`, `patch`, `rollback`. From a closed vocabulary. */
  readonly verb?: string;
  /** `hmac:<key id>:<hex>` over the canonical JSON of the tool arguments: an approval of exactly this call matches it. */
  readonly argumentsDigest?: string;
  /** UTF-8 bytes of the original tool arguments and result. */
  readonly argumentsBytes?: number;
  readonly resultBytes?: number;
  /** Shape of the arguments: sorted key paths without values, e.g. `cmd,workdir,yield_time_ms`; at most 256 characters. */
  readonly argumentsShape?: string;
  /** Trace ids (32 lower-case hex) and incident refs named in tool arguments or results, at most 32 each. */
  readonly traceIds?: readonly string[];
  readonly incidentRefs?: readonly string[];
}
