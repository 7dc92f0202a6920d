import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { EvidenceLinker } from './evidence/linker.ts';
import { reappliedRow } from './evidence/reapplied-row.ts';
import type { RedactRequest } from './evidence/texts-again.ts';
import type { Signal } from './otlp/signal.ts';
import type { SpooledFrame } from './pipeline/frame.ts';
import type { Redaction } from './pipeline/receipt.ts';
import type { Entry } from './record/entry.ts';
import type { EvidenceRow } from './record/evidence.ts';
import type { EvidenceLog } from './record/evidence-log.ts';
import type { AppliedEntries, PolicyApplications, PolicyApplicationStart } from './record/policy-application.ts';
import type { RecordLog } from './record/record-log.ts';
import { someText } from './record/scrub-texts.ts';
import { isCovered } from './record-scrub.ts';
import type { Redactor } from './redaction/redactor.ts';
import {
  addRedactions,
  addRows,
  olderOf,
  readProgress,
  rowsOf,
  writeProgress,
  type Application,
  type Cursor,
} from './policy-application-progress.ts';
import { errorCode } from './spool/files.ts';
import type { Spool } from './spool/spool.ts';
import { receivedAtUnixNano, slicesOf } from './store/rewrite/row-slices.ts';
import type { Store } from './store/connect.ts';
import { rowRequest, rowsWithTexts } from './store/rewrite/row-request.ts';
import type { OlderRows, RowChunk } from './store/rewrite/stored-telemetry.ts';
import { TELEMETRY_TABLES, type StoredRow, type TelemetryTableShape } from './store/rewrite/telemetry-table.ts';
import type { Logger } from './telemetry/logger.ts';

export interface PolicyApplicationOptions {
  readonly redactor: Redactor;
  readonly rewrite: Store['rewrite'];
  /** Where new copies of evidence go, so that everybody who follows evidence hears of them. */
  readonly evidenceLog: Pick<EvidenceLog, 'put'>;
  /** Remembers acts under way, whose rows it writes again. */
  readonly linker: Pick<EvidenceLinker, 'reapply'>;
  readonly recordLog: Pick<RecordLog, 'heads' | 'read'>;
  readonly refOf: (tenant: string, incidentId: string) => Promise<string | undefined>;
  readonly spool: Pick<Spool, 'passed'>;
  /** File that says where an application stands, for the next process. */
  readonly file: string;
  readonly logger: Logger;
  readonly clock?: () => Date;
}

export interface ResumingPolicyApplications extends PolicyApplications {
  /** Takes up what another process left unfinished; until it resolves, nothing begins. Throws when the store does not answer. */
  start(): Promise<void>;
  /** Stops after the chunk under way; the next process goes on. */
  close(): Promise<void>;
}

/** How long the spool may take to hand over what was received before. */
const SPOOL_WITHIN_MS = 10 * 60_000;
const SPOOL_LOOK_MS = 1_000;
/** Of the time that redaction took, so much is left to others afterwards. */
const PAUSE_SHARE = 0.5;
/** Shorter pauses are saved up: a timer takes as long. */
const PAUSE_MS_MIN = 5;
const ENTRIES_NAMED_MAX = 100;
/** Two are enough unless rows are written while they are gone through. */
const TURNS_MAX = 20;

/** Where the latest application of any tenant stands in the map of them; no tenant is called so. */
const LATEST = '';

/** Another policy came into force: what is staged under this one is not put in place. */
class Superseded extends Error {}
class Stopped extends Error {}
/** Its message is for people, and holds no content. */
class ApplicationFailed extends Error {}

/**
 * Redacts again what older policies let into the store. One at a time, in chunks, with its progress on disk: a process that
 * dies goes on where it was. Rows of a day are put in place together, so that nothing is lost or there twice.
 */
export function createPolicyApplications(options: PolicyApplicationOptions): ResumingPolicyApplications {
  const { redactor, rewrite, logger } = options;
  const clock = options.clock ?? (() => new Date());
  const applications = new Map<string, Application>();
  let current: Application | undefined;
  let running = Promise.resolve();
  let closing = false;
  let owedMs = 0;
  /** What another process left behind is known: before that, nothing may be staged over it. */
  let ready = false;

  function begin(tenant: string, since: Date): PolicyApplicationStart {
    if (redactor.policy.mode === 'observe') return { kind: 'observing' };
    if (!ready) return { kind: 'busy', status: undefined };
    if (current !== undefined) {
      return { kind: 'busy', status: current.tenant === tenant ? current.status : undefined };
    }
    const now = clock();
    const application: Application = {
      tenant,
      cursor: null,
      status: {
        id: randomUUID(),
        policyVersion: redactor.policyVersion,
        since: since.toISOString(),
        until: now.toISOString(),
        startedAt: now.toISOString(),
        endedAt: null,
        state: 'running',
        step: 'starting',
        tables: [],
        redactions: [],
        entries: { looked: 0, kept: 0, named: [] },
        remaining: 0,
        problem: null,
      },
    };
    run(application);
    return { kind: 'started', status: application.status };
  }

  function run(application: Application): void {
    const before = applications.get(LATEST);
    current = application;
    applications.set(LATEST, application);
    applications.set(application.tenant, application);
    running = putInPlace(before === application ? undefined : before)
      .then(() => apply(application))
      .then(() => finish(application, 'done', null))
      .catch((error: unknown) => {
        if (error instanceof Stopped) return undefined;
        if (error instanceof Superseded) return finish(application, 'superseded', 'another policy came into force');
        // An engine's error names codes only; anything else might quote what it failed on.
        const problem =
          error instanceof ApplicationFailed || (error instanceof Error && error.name === 'EngineError')
            ? error.message
            : `failed (${error instanceof Error ? error.name : 'unknown error'})`;
        logger.error(
          { policy: application.status.policyVersion, problem },
          'applying the policy to what is stored failed',
        );
        return finish(application, 'failed', problem);
      })
      .catch((error: unknown) => {
        const reason = errorCode(error);
        logger.error({ reason }, 'where applying the policy stands could not be written down');
      })
      .finally(() => {
        current = undefined;
      });
  }

  async function finish(
    application: Application,
    state: 'done' | 'failed' | 'superseded',
    problem: string | null,
  ): Promise<void> {
    const { status } = application;
    const ended = { ...status, state, problem, endedAt: clock().toISOString(), step: state };
    logger.info(
      { policy: status.policyVersion, state, tables: status.tables, remaining: status.remaining },
      'the policy was applied to what is stored',
    );
    try {
      await writeProgress(options.file, { ...application, status: ended });
    } finally {
      // Not before: who reads that it has ended may begin the next at once.
      application.status = ended;
    }
  }

  async function step(application: Application, text: string): Promise<void> {
    application.status = { ...application.status, step: text };
    await writeProgress(options.file, application);
    if (closing) throw new Stopped();
  }

  /**
   * Rows that an application staged whole, and whose older ones it may have removed already, are put in place whatever
   * became of it since.
   */
  async function putInPlace(application: Application | undefined): Promise<void> {
    const cursor = application?.cursor;
    const table = TELEMETRY_TABLES.find((each) => each.name === cursor?.table);
    if (application === undefined || cursor?.replacing !== true || table === undefined) return;
    await rewrite.telemetry.replace(table, cursor.partition, olderOf(application));
    application.cursor = null;
    await writeProgress(options.file, application);
  }

  async function apply(application: Application): Promise<void> {
    await step(application, 'waiting until what was received before is stored');
    const deadline = performance.now() + SPOOL_WITHIN_MS;
    while (!(await options.spool.passed(SPOOL_LOOK_MS))) {
      if (closing) throw new Stopped();
      if (performance.now() < deadline) continue;
      throw new ApplicationFailed(
        'the spool still holds what was received before: a consumer does not keep up; see /readyz',
      );
    }
    const older = olderOf(application);
    for (const table of TELEMETRY_TABLES) {
      const left = application.cursor?.table === table.name ? application.cursor : undefined;
      if (left !== undefined) await applyPartition(application, table, left.partition);
      for (const partition of await rewrite.telemetry.partitions(table, older)) {
        await applyPartition(application, table, partition);
      }
      await rewrite.telemetry.discard(table);
    }
    await applyAside(application, older);
    await applyEvidenceAndActs(application, older);
    await renamePaths(application, older);
    await lookThroughEntries(application);
    let remaining = await rewrite.evidence.count(older);
    for (const table of TELEMETRY_TABLES) remaining += await rewrite.telemetry.count(table, older);
    application.status = { ...application.status, remaining };
  }

  async function applyPartition(
    application: Application,
    table: TelemetryTableShape,
    partition: string,
  ): Promise<void> {
    const older = olderOf(application);
    const known = application.cursor;
    let cursor: Cursor =
      known?.table === table.name && known.partition === partition
        ? known
        : { table: table.name, partition, after: '0', staged: 0, replacing: false };
    // Left by an application that never came so far as to note it.
    if (cursor.after === '0') await rewrite.telemetry.discard(table);
    while (!cursor.replacing) {
      const chunk = await rewrite.telemetry.chunk(table, partition, older, BigInt(cursor.after));
      if (chunk === undefined) {
        const rows = await rewrite.telemetry.count(table, older, partition);
        if (rows !== cursor.staged) {
          application.cursor = null;
          await rewrite.telemetry.discard(table);
          throw new ApplicationFailed(
            `${table.name} changed under it: ${rows} rows instead of ${cursor.staged}; run it again`,
          );
        }
        cursor = { ...cursor, replacing: true };
      } else {
        await stageChunk(application, table, partition, chunk);
        cursor = { ...cursor, after: String(chunk.end), staged: cursor.staged + chunk.rows.length };
      }
      application.cursor = cursor;
      await step(application, `${table.name}, day ${partition}: ${cursor.staged} rows`);
    }
    await rewrite.telemetry.replace(table, partition, older);
    application.cursor = null;
    await writeProgress(options.file, application);
  }

  async function stageChunk(
    application: Application,
    table: TelemetryTableShape,
    partition: string,
    chunk: RowChunk,
  ): Promise<void> {
    const token = `${application.status.id} ${table.name} ${partition} ${chunk.end}`;
    const rows: StoredRow[] = [];
    const frames: SpooledFrame[] = [];
    let changed = 0;
    for (const slice of slicesOf(chunk.rows)) {
      const bytes = rowRequest(table, slice);
      const frame = await redact(application, table.signal, bytes, slice.length, receivedAtUnixNano(slice[0]));
      const contentHash = createHash('sha256').update(`${token} ${frames.length}`).digest('hex');
      frames.push({ ...frame, contentHash });
      changed += frame.receipts.filter((receipt) => receipt.redactions.length > 0).length;
      addRedactions(
        application,
        frame.receipts.flatMap((receipt) => receipt.redactions),
      );
      const clean = frame.receipts.length === 0 ? slice : rowsWithTexts(table, slice, frame.bytes);
      for (const row of clean) rows.push({ ...row, PolicyVersion: frame.policyVersion });
    }
    await rewrite.telemetry.addReceipts(frames, `${token} receipts`);
    await rewrite.telemetry.stage(table, rows, token);
    addRows(application, table.name, rows.length, changed);
  }

  async function redact(
    application: Application,
    signal: Signal,
    bytes: Uint8Array,
    items: number,
    receivedAtUnixNano: bigint,
  ) {
    const started = performance.now();
    const frame = redactor.redact({ tenant: application.tenant, signal, bytes, items, receivedAtUnixNano });
    if (frame.policyVersion !== application.status.policyVersion) throw new Superseded();
    await giveWay(performance.now() - started);
    return frame;
  }

  async function giveWay(workedMs: number): Promise<void> {
    owedMs += workedMs * PAUSE_SHARE;
    if (owedMs < PAUSE_MS_MIN) return;
    const due = owedMs;
    owedMs = 0;
    await pause(due);
  }

  async function applyAside(application: Application, older: OlderRows): Promise<void> {
    for (;;) {
      await step(application, 'unloadable_items');
      const aside = await rewrite.aside.nextFrame(older);
      if (aside === undefined) return;
      const bytes = new Uint8Array(aside.bytes);
      const frame = await redact(application, aside.signal, bytes, aside.items, older.to);
      // Only the first row of a frame holds its bytes.
      await rewrite.aside.replaceFrame(older, aside, bytes.length === 0 ? bytes : frame.bytes);
      const redactions = frame.receipts.flatMap((receipt) => receipt.redactions);
      addRedactions(application, redactions);
      addRows(application, 'unloadable_items', 1, redactions.length > 0 ? 1 : 0);
    }
  }

  /**
   * Acts under way are written again when more is said about them, from what the linker remembers or reads back: rows and memory are
   * gone through in turn until neither holds anything older.
   */
  async function applyEvidenceAndActs(application: Application, older: OlderRows): Promise<void> {
    let rows = await applyActs(application, false).then(() => applyEvidence(application, older));
    for (let turn = 1; turn < TURNS_MAX; turn += 1) {
      const storeIsClean = rows === 0;
      const acts = await applyActs(application, storeIsClean);
      // A row that was written since then says that it was received now.
      rows = await applyEvidence(application, { ...older, to: BigInt(clock().getTime()) * 1_000_000n });
      if (storeIsClean && acts === 0 && rows === 0) break;
    }
    await rewrite.evidence.removeReplaced({ ...older, to: BigInt(clock().getTime()) * 1_000_000n });
  }

  async function applyActs(application: Application, storeIsClean: boolean): Promise<number> {
    const { tenant, status } = application;
    const redact = redactOne(application, BigInt(clock().getTime()) * 1_000_000n);
    return options.linker.reapply({ tenant, policyVersion: status.policyVersion, redact, storeIsClean });
  }

  /** Redacts a request of one record. */
  function redactOne({ tenant, status }: Application, receivedAtUnixNano: bigint): RedactRequest {
    return (signal, bytes) => {
      const frame = redactor.redact({ tenant, signal, bytes, items: 1, receivedAtUnixNano });
      if (frame.policyVersion !== status.policyVersion) throw new Superseded();
      const redactions = frame.receipts.flatMap((receipt) => receipt.redactions);
      return { bytes: frame.bytes, redactions, policyVersion: frame.policyVersion };
    };
  }

  /** Returns how many rows there were. */
  async function applyEvidence(application: Application, older: OlderRows): Promise<number> {
    let after = { incident: '', id: '' };
    let looked = 0;
    for (;;) {
      await step(application, `evidence: ${rowsOf(application, 'evidence')} rows`);
      const rows = await rewrite.evidence.chunk(older, after);
      const last = rows.at(-1);
      if (last === undefined) return looked;
      after = { incident: last.incident, id: last.id };
      looked += rows.length;
      const clean = [];
      let changed = 0;
      const traces = await rewrite.telemetry.knownTraces(application.tenant, namedTraceIds(rows));
      for (const row of rows) {
        const started = performance.now();
        const redact = redactOne(application, row.receivedAtUnixNano);
        const reapplied = reappliedRow(row, redact, (id) => traces.has(id));
        addRedactions(application, reapplied.redactions as readonly Redaction[]);
        if (reapplied.redactions.length > 0) changed += 1;
        clean.push(reapplied.row);
        await giveWay(performance.now() - started);
      }
      await options.evidenceLog.put(clean);
      addRows(application, 'evidence', clean.length, changed);
    }
  }

  /** Receipts name places by their keys: a key may hold what the policy now covers. */
  async function renamePaths(application: Application, older: OlderRows): Promise<void> {
    await step(application, 'places named in receipts');
    let after = '';
    for (;;) {
      const paths = await rewrite.aside.paths(older, after);
      if (paths.length === 0) return;
      after = paths.at(-1) ?? '';
      for (const path of paths) {
        const { text } = redactor.redactText(path, { tenant: application.tenant });
        if (text === path) continue;
        await rewrite.aside.renamePath(older, path, text);
        addRows(application, 'redaction_receipts', 1, 1);
      }
      await step(application, 'places named in receipts');
    }
  }

  /** Entries cannot be changed: each is hashed into the next. Those that hold what the policy covers are named. */
  async function lookThroughEntries(application: Application): Promise<void> {
    const { tenant } = application;
    let entries: AppliedEntries = { looked: 0, kept: 0, named: [] };
    for (const head of await options.recordLog.heads()) {
      if (head.tenant !== tenant) continue;
      await step(application, `entries of the record: ${entries.looked}`);
      for (const entry of await options.recordLog.read(tenant, head.incident)) {
        const kept = someText(entry.body, (text, key) =>
          isCovered(redactor.redactText(text, { tenant, incident: head.incident, key }), key),
        );
        const name = kept ? await nameOf(entry) : '';
        entries = {
          looked: entries.looked + 1,
          kept: entries.kept + (kept ? 1 : 0),
          named: kept && entries.named.length < ENTRIES_NAMED_MAX ? [...entries.named, name] : entries.named,
        };
      }
      application.status = { ...application.status, entries };
    }
  }

  async function nameOf(entry: Entry): Promise<string> {
    const ref = (await options.refOf(entry.tenant, entry.incident)) ?? entry.incident;
    return `${ref} #${entry.seq} ${entry.type}`;
  }

  return {
    begin,
    status: (tenant) => applications.get(tenant)?.status,
    async start() {
      if (closing) return;
      const application = await readProgress(options.file);
      if (application === undefined) {
        ready = true;
        return;
      }
      applications.set(application.tenant, application);
      applications.set(LATEST, application);
      const { state, policyVersion } = application.status;
      if (state === 'running' && policyVersion === redactor.policyVersion) {
        ready = true;
        return run(application);
      }
      await putInPlace(application);
      for (const table of TELEMETRY_TABLES) await rewrite.telemetry.discard(table);
      application.cursor = null;
      if (state === 'running') await finish(application, 'superseded', 'another policy came into force');
      ready = true;
    },
    async close() {
      closing = true;
      await running;
    },
  };
}

/** Ids of traces that rows name besides their own; at most 32 a row. */
function namedTraceIds(rows: readonly EvidenceRow[]): readonly string[] {
  const ids = rows.flatMap(({ facts: { traceIds } }) =>
    Array.isArray(traceIds) ? (traceIds as readonly string[]) : [],
  );
  return [...new Set(ids)];
}
