import { metrics } from '@opentelemetry/api';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createBundleExporter, type BundleExporter } from '../../src/record/bundle-exporter.ts';
import { openCheckpointAnchors } from '../../src/record/checkpoint-anchors.ts';
import { loadCheckpointKey, type CheckpointKey } from '../../src/record/checkpoint-key.ts';
import { createCheckpointSigner, type CheckpointSigner } from '../../src/record/checkpoint-signer.ts';
import { readPublicKey } from '../../src/record/checkpoint.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import type { RecordServiceOptions } from '../../src/record/service.ts';
import { createRecordFixture, type RecordFixture } from './record-fixture.ts';

export interface SignedFixture extends RecordFixture {
  readonly directory: string;
  readonly key: CheckpointKey;
  readonly signer: CheckpointSigner;
  readonly bundles: BundleExporter;
  dispose(): Promise<void>;
}

/** A record service over memory that signs, with its key and anchors in a directory of its own. */
export async function createSignedFixture(extra: Partial<RecordServiceOptions> = {}): Promise<SignedFixture> {
  const directory = mkdtempSync(join(tmpdir(), 'docket-keys-'));
  const key = await loadCheckpointKey(join(directory, 'keys'));
  const anchors = await openCheckpointAnchors(join(directory, 'anchors.jsonl'), readPublicKey(key.publicKey));
  const signer = createCheckpointSigner({ key, anchors });
  const fixture = await createRecordFixture({ checkpoints: signer, ...extra });
  const bundles = createBundleExporter({
    record: fixture.service,
    evidence: fixture.evidenceLog,
    signer,
    logger: createLogger('silent'),
    meter: metrics.getMeter('test'),
  });
  return {
    ...fixture,
    directory,
    key,
    signer,
    bundles,
    async dispose() {
      await fixture.service.close();
      await signer.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
