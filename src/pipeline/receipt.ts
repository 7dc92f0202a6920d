/** What redaction did to a value: kept in part, replaced, or taken out. */
export type RedactionAction = 'scrub' | 'withhold' | 'mask' | 'pseudonym' | 'truncate' | 'drop';

/**
 * One redaction, as it appears on evidence rows and in `redaction_receipts`. Never holds a value, nor a key whose name
 * was itself redacted.
 */
export interface Redaction {
  /** Where, e.g. `attributes[gen_ai.tool.call.arguments].headers.authorization`, `events[2].attributes[exception.message]`, `name`, `body`. */
  readonly path: string;
  /** e.g. `secret.bearer_token`, `pii.email`, `content.prompt`. */
  readonly class: string;
  readonly rule: string;
  readonly ruleVersion: number;
  readonly action: RedactionAction;
  /** Encodings that were peeled off to find it, outermost first, e.g. `['json', 'base64']`. */
  readonly encodings: readonly string[];
  /** UTF-8 bytes of what was replaced. */
  readonly originalBytes: number;
  /** `hmac:<key id>:<hex>` over the original under a key that is never stored in the database; `''` when the policy says none. */
  readonly fingerprint: string;
}

/**
 * The redactions of one record (span, log record or data point) of a request. `item` is the record's ordinal in wire
 * order over the whole request, from 0. Redactions in a resource or a scope are given once, on the first record under
 * it, with a path that starts with `resource.` or `scope.`.
 */
export interface RecordReceipt {
  readonly item: number;
  /** Lower-case hex, `''` when the record has none. */
  readonly traceId: string;
  readonly spanId: string;
  readonly redactions: readonly Redaction[];
}
