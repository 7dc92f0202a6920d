/** What a tool call can change. `unknown` is treated as `mutate` by everything that guards. */
export type ToolTier = 'read' | 'write_record' | 'mutate' | 'unknown';

/**
 * What is known of one tool call besides what redaction left of it. Computed by redaction on the original; content-free by
 * construction: tiers, digests under the deployment's key, ids.
 */
export interface CallFacts {
  /** What the call can change, and the rule that decided it. */
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

/** A tool call that a model's output asks for, which the policy may withhold. */
export interface RequestedCallFacts extends CallFacts {
  /** The call's id as it is, where it has the form of one and no detector nor rule of the policy takes it; `''` otherwise. */
  readonly callId: string;
  /** The tool's name, on the same terms. One of both is known. */
  readonly tool: string;
}

/** What later stages need of a record but could not derive from redacted content: of the tool call it tells of, and of those it asks for. */
export interface ItemFacts extends CallFacts {
  /** Ordinal of the record in the request, as in RecordReceipt. */
  readonly item: number;
  /** At most 64. */
  readonly requestedCalls?: readonly RequestedCallFacts[];
}
