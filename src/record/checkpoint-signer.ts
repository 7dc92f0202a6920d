import type { CheckpointAnchors } from './checkpoint-anchors.ts';
import type { CheckpointKey, PublicKeyDescription } from './checkpoint-key.ts';
import type { CheckpointWebhook } from './checkpoint-webhook.ts';
import { checkpointBytes, standingOf, type SignedCheckpoint } from './checkpoint.ts';
import type { RecordHeadRef } from './incident-record.ts';

/** Signs heads of logs and anchors them outside the database. */
export interface CheckpointSigner {
  /**
   * Signs a head and resolves when it is anchored; the same head again gives the same checkpoint. Throws
   * CheckpointConflict when more, or something else, was signed of this incident before.
   */
  sign(tenant: string, incident: string, head: RecordHeadRef): Promise<SignedCheckpoint>;
  /** Signs without anchoring: what a `checkpoint.sign` entry carries. */
  seal(tenant: string, incident: string, head: RecordHeadRef): SignedCheckpoint;
  latest(tenant: string, incident: string): SignedCheckpoint | undefined;
  of(tenant: string, incident: string): Promise<readonly SignedCheckpoint[]>;
  /** Signs other bytes with the same key: a bundle. */
  signBytes(bytes: Buffer): string;
  readonly publicKey: PublicKeyDescription;
  close(): Promise<void>;
}

/** The log does not lead to what was signed of it before: entries were changed or cut. */
export class CheckpointConflict extends Error {
  readonly signed: SignedCheckpoint;

  constructor(signed: SignedCheckpoint) {
    super(`entry ${signed.seq} was signed before, and the log does not lead there any more`);
    this.name = 'CheckpointConflict';
    this.signed = signed;
  }
}

/** Checkpoints of one incident that are read back at once; older ones stay in the file. */
const LISTED_MAX = 1_000;

export function createCheckpointSigner(options: {
  readonly key: CheckpointKey;
  readonly anchors: CheckpointAnchors;
  readonly webhook?: CheckpointWebhook;
  readonly clock?: () => Date;
}): CheckpointSigner {
  const { key, anchors } = options;
  const clock = options.clock ?? (() => new Date());

  function seal(tenant: string, incident: string, head: RecordHeadRef): SignedCheckpoint {
    const unsigned = {
      tenant,
      incident,
      seq: head.seq,
      hash: head.hash,
      at: clock().toISOString(),
      keyId: key.keyId,
    };
    return { ...unsigned, signature: key.sign(checkpointBytes(unsigned)) };
  }

  return {
    seal,
    async sign(tenant, incident, head) {
      const before = anchors.latest(tenant, incident);
      if (before !== undefined && before.seq >= head.seq) {
        const standing = standingOf(before, (seq) => (seq === head.seq ? head.hash : undefined));
        if (standing === 'agrees') return before;
        throw new CheckpointConflict(before);
      }
      const checkpoint = seal(tenant, incident, head);
      await anchors.append(checkpoint);
      options.webhook?.offer(checkpoint);
      return checkpoint;
    },
    latest: (tenant, incident) => anchors.latest(tenant, incident),
    of: (tenant, incident) => anchors.of(tenant, incident, LISTED_MAX),
    signBytes: (bytes) => key.sign(bytes),
    publicKey: { keyId: key.keyId, algorithm: 'Ed25519', publicKey: key.publicKey },
    async close() {
      await options.webhook?.close();
      await anchors.close();
    },
  };
}
