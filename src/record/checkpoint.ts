import { createHash, createPublicKey, verify, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import { canonicalJson } from './canonical-json.ts';
import type { Checkpoint, RecordHeadRef } from './incident-record.ts';

/** A head of one incident's log, signed: whoever holds the public key can tell later whether the log still leads there. */
export interface SignedCheckpoint extends Checkpoint {
  readonly tenant: string;
  readonly incident: string;
}

/** What an untrusted checkpoint must look like before its signature is looked at. */
export const signedCheckpointSchema = z.strictObject({
  tenant: z.string().max(200),
  incident: z.string().max(200),
  seq: z.int().min(1),
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  at: z.string().max(40),
  keyId: z.string().max(100),
  signature: z.string().regex(/^[0-9a-f]{128}$/),
});

// Says what the signature is for, so that it can stand for nothing else.
const CHECKPOINT_CONTEXT = 'docket-checkpoint-v1\n';

/** The bytes a checkpoint's signature is over: a fixed first line, then the RFC 8785 JSON of everything but the signature. */
export function checkpointBytes(checkpoint: Omit<SignedCheckpoint, 'signature'>): Buffer {
  const { tenant, incident, seq, hash, at, keyId } = checkpoint;
  return Buffer.from(CHECKPOINT_CONTEXT + canonicalJson({ tenant, incident, seq, hash, at, keyId }));
}

/** True when `key` signed exactly this. */
export function verifyCheckpoint(key: KeyObject, checkpoint: SignedCheckpoint): boolean {
  return checkpoint.keyId === publicKeyId(key) && verifyHex(key, checkpointBytes(checkpoint), checkpoint.signature);
}

/** Checks a signature written as 128 lower-case hex digits: a form in which no two texts mean the same bytes. */
export function verifyHex(key: KeyObject, signed: Buffer, signature: string): boolean {
  if (!/^[0-9a-f]{128}$/.test(signature)) return false;
  return verify(null, signed, key, Buffer.from(signature, 'hex'));
}

/** `ed25519:` and the first sixteen hex digits of the SHA-256 of the public key in DER. */
export function publicKeyId(key: KeyObject): string {
  const der = key.export({ type: 'spki', format: 'der' });
  return `ed25519:${createHash('sha256').update(der).digest('hex').slice(0, 16)}`;
}

/** Reads an Ed25519 public key in PEM. Throws when the text is something else. */
export function readPublicKey(pem: string): KeyObject {
  const key = createPublicKey(pem);
  if (key.asymmetricKeyType !== 'ed25519') throw new TypeError('the key is not an Ed25519 public key');
  return key;
}

export type CheckpointStanding =
  | 'agrees'
  /** The log is shorter than what was signed. */
  | 'tail_missing'
  /** The log has another entry where the signed one was. */
  | 'differs';

/** How a log stands to a head that was signed of it. `hashAt` gives the hash of an entry, undefined past the end. */
export function standingOf(checkpoint: RecordHeadRef, hashAt: (seq: number) => string | undefined): CheckpointStanding {
  const hash = hashAt(checkpoint.seq);
  if (hash === undefined) return 'tail_missing';
  return hash === checkpoint.hash ? 'agrees' : 'differs';
}
