import type { Counter, Meter } from '@opentelemetry/api';
import type { Logger } from '../telemetry/logger.ts';
import type { Actor } from './actor.ts';
import {
  BUNDLE_PREDICATE_TYPE,
  bundleSignedBytes,
  bundleText,
  STATEMENT_TYPE,
  type Bundle,
  type BundledEvidence,
  type UnsignedBundle,
} from './bundle.ts';
import type { PublicKeyDescription } from './checkpoint-key.ts';
import { CheckpointConflict, type CheckpointSigner } from './checkpoint-signer.ts';
import type { Entry } from './entry.ts';
import { instantOf } from './evidence-by-hand.ts';
import type { EvidenceLog } from './evidence-log.ts';
import type { EvidenceRow } from './evidence.ts';
import type { RecordHeadRef } from './incident-record.ts';
import type { RecordService } from './record-service.ts';

export interface ExportedBundle {
  /** A name for the file: `INC-1.docket.json`. */
  readonly name: string;
  readonly text: string;
  readonly head: RecordHeadRef;
}

/** Hands out what one incident's record can be checked by, without Docket. */
export interface BundleExporter {
  /** Undefined for an unknown incident. Who took what is logged and counted. */
  export(tenant: string, refOrId: string, actor: Actor): Promise<ExportedBundle | undefined>;
  readonly publicKey: PublicKeyDescription;
}

/** Rows of evidence a bundle names; what is beyond is counted in it. */
const EVIDENCE_MAX = 50_000;
const ENTRIES_PER_READ = 1_000;
const ROWS_PER_READ = 500;

export function createBundleExporter(options: {
  readonly record: RecordService;
  readonly evidence: EvidenceLog;
  readonly signer: CheckpointSigner;
  readonly logger: Logger;
  readonly meter: Meter;
  readonly clock?: () => Date;
}): BundleExporter {
  const { record, evidence, signer, logger } = options;
  const clock = options.clock ?? (() => new Date());
  const exports: Counter = options.meter.createCounter('docket.record.bundles', {
    unit: '{bundle}',
    description: 'Bundles handed out',
  });

  return {
    publicKey: signer.publicKey,
    async export(tenant, refOrId, actor) {
      const summary = await record.summary(tenant, refOrId);
      if (summary === undefined) return undefined;
      const entries = await entriesOf(record, tenant, summary.id);
      const last = entries.at(-1);
      if (last === undefined) return undefined;
      const head = { seq: last.seq, hash: last.hash };
      try {
        await signer.sign(tenant, summary.id, head);
      } catch (error) {
        // Then the bundle carries the checkpoints that the log disagrees with, and says so by itself when it is verified.
        if (!(error instanceof CheckpointConflict)) throw error;
        logger.error({ incident: summary.id, seq: error.signed.seq }, 'the log disagrees with what was signed of it');
      }
      const { rows, omitted } = await evidenceOf(evidence, tenant, summary.id);
      const statement: UnsignedBundle = {
        _type: STATEMENT_TYPE,
        subject: [
          { name: summary.ref, digest: { sha256: head.hash } },
          ...rows.map((row) => ({ name: `evidence/${row.id}`, digest: { sha256: row.digest } })),
        ],
        predicateType: BUNDLE_PREDICATE_TYPE,
        predicate: {
          tenant,
          incident: summary.id,
          ref: summary.ref,
          exportedAt: clock().toISOString(),
          exportedBy: { ...actor },
          head,
          entries: entries.map((entry) => ({ ...entry, actor: { ...entry.actor } })),
          evidence: rows,
          evidenceOmitted: omitted,
          checkpoints: [...(await signer.of(tenant, summary.id))],
          publicKey: signer.publicKey,
        },
      };
      const signature = signer.signBytes(bundleSignedBytes(statement));
      const bundle: Bundle = { ...statement, signatures: [{ keyId: signer.publicKey.keyId, signature }] };
      exports.add(1);
      logger.info(
        { tenant, incident: summary.id, seq: head.seq, by: actor.kind, name: actor.name },
        'a bundle was exported',
      );
      return { name: `${fileName(summary.ref)}.docket.json`, text: bundleText(bundle), head };
    },
  };
}

async function entriesOf(record: RecordService, tenant: string, incidentId: string): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (let after: number | null = 0; after !== null;) {
    const page = await record.entries(tenant, incidentId, { after, limit: ENTRIES_PER_READ });
    entries.push(...(page?.items ?? []));
    after = page?.next ?? null;
  }
  return entries;
}

async function evidenceOf(
  evidence: EvidenceLog,
  tenant: string,
  incidentId: string,
): Promise<{ readonly rows: BundledEvidence[]; readonly omitted: number }> {
  const rows: BundledEvidence[] = [];
  let cursor: string | null = null;
  do {
    const page = await evidence.page(tenant, incidentId, {
      limit: ROWS_PER_READ,
      ...(cursor === null ? {} : { cursor }),
    });
    rows.push(...page.items.map(bundled));
    cursor = page.next;
  } while (cursor !== null && rows.length < EVIDENCE_MAX);
  if (cursor === null) return { rows, omitted: 0 };
  const { total } = await evidence.counts(tenant, incidentId);
  return { rows, omitted: Math.max(1, total - rows.length) };
}

function bundled(row: EvidenceRow): BundledEvidence {
  return {
    id: row.id,
    kind: row.kind,
    occurredAt: instantOf(row.occurredAtUnixNano),
    actor: row.actor.name,
    sourceFamily: row.sourceFamily,
    trust: row.trust,
    linkMode: row.link?.mode ?? 'inferred',
    erased: row.facts['erased'] !== undefined,
    digest: row.digest,
  };
}

function fileName(ref: string): string {
  return ref.replace(/[^A-Za-z0-9._-]/g, '_').replace(/^\.+/, '_');
}
