import { z } from 'zod';
import { canonicalJson } from './canonical-json.ts';
import { signedCheckpointSchema } from './checkpoint.ts';

export const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1';
export const BUNDLE_PREDICATE_TYPE = 'urn:docket:predicate:incident-record:v1';

const digest = z.string().regex(/^[0-9a-f]{64}$/);
const text = z.string();

const actor = z.looseObject({ kind: text, name: text });

/** An entry as a bundle holds it; what else it holds is covered by its hash. */
const bundledEntry = z.looseObject({
  tenant: text,
  incident: text,
  seq: z.int().min(1),
  entryId: text,
  type: text,
  actor,
  recordedAt: text,
  body: z.record(text, z.unknown()),
  prevHash: digest,
  hash: digest,
});

/** What is told of a row of evidence: what it was and the digest of it, never its content. */
const bundledEvidence = z.strictObject({
  id: text,
  kind: text,
  occurredAt: text,
  actor: text,
  sourceFamily: text,
  trust: text,
  linkMode: text,
  erased: z.boolean(),
  digest,
});

/**
 * A bundle: one in-toto Statement about one incident's record, signed by Docket, in one file. `subject` names the head of
 * the log and every row of evidence by digest; the predicate holds the log itself.
 *
 * The file is the RFC 8785 canonical JSON of this object and a line feed, nothing else, so that every byte counts.
 * `signatures` are over the canonical JSON of the object without `signatures`.
 */
export const bundleSchema = z.strictObject({
  _type: z.literal(STATEMENT_TYPE),
  subject: z.array(z.strictObject({ name: text, digest: z.strictObject({ sha256: digest }) })).min(1),
  predicateType: z.literal(BUNDLE_PREDICATE_TYPE),
  predicate: z.strictObject({
    tenant: text,
    incident: text,
    ref: text,
    exportedAt: text,
    exportedBy: actor,
    head: z.strictObject({ seq: z.int().min(1), hash: digest }),
    entries: z.array(bundledEntry).min(1),
    evidence: z.array(bundledEvidence),
    /** Rows that the incident has and the bundle does not name, because there were too many. */
    evidenceOmitted: z.int().min(0),
    checkpoints: z.array(signedCheckpointSchema),
    publicKey: z.strictObject({ keyId: text, algorithm: z.literal('Ed25519'), publicKey: text }),
  }),
  signatures: z.array(z.strictObject({ keyId: text, signature: text })).length(1),
});

export type Bundle = z.infer<typeof bundleSchema>;
export type BundledEvidence = z.infer<typeof bundledEvidence>;
export type UnsignedBundle = Omit<Bundle, 'signatures'>;

/** The bytes a bundle's signature is over. */
export function bundleSignedBytes(bundle: UnsignedBundle | Bundle): Buffer {
  const { _type, subject, predicateType, predicate } = bundle;
  return Buffer.from(`docket-bundle-v1\n${canonicalJson({ _type, subject, predicateType, predicate })}`);
}

/** The file. */
export function bundleText(bundle: Bundle): string {
  return `${canonicalJson(bundle)}\n`;
}
