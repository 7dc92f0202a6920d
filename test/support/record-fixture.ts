import { metrics } from '@opentelemetry/api';
import type { Actor } from '../../src/record/actor.ts';
import type { EvidenceRow } from '../../src/record/evidence.ts';
import type { Json } from '../../src/record/entry.ts';
import type { CommandResult, RecordService } from '../../src/record/record-service.ts';
import {
  createRecordService,
  type RecordServiceOptions,
  type SweepingRecordService,
} from '../../src/record/service.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { createMemoryEvidenceLog, type MemoryEvidenceLog } from './memory-evidence-log.ts';
import { createMemoryRecordLog, type MemoryRecordLog } from './memory-record-log.ts';

export const TENANT = 'default';
export const ALICE: Actor = { kind: 'human', name: 'alice', id: null };
export const BOB: Actor = { kind: 'human', name: 'bob', id: null };
export const CAROL: Actor = { kind: 'human', name: 'carol', id: null };
export const AGENT: Actor = { kind: 'agent', name: 'sre-agent', id: null, onBehalfOf: 'alice' };
export const ALERTS: Actor = { kind: 'service', name: 'alertmanager', id: null };

type Body = { readonly [key: string]: Json };

export interface RecordFixture {
  readonly service: SweepingRecordService;
  readonly recordLog: MemoryRecordLog;
  readonly evidenceLog: MemoryEvidenceLog;
  readonly incidentId: string;
  /** Moves the clock. */
  wait(seconds: number): void;
  now(): Date;
  send(actor: Actor, type: string, body?: Body, basis?: readonly string[]): Promise<CommandResult>;
  /** Sends what must be accepted; resolves to the entry's id. */
  did(actor: Actor, type: string, body?: Body, basis?: readonly string[]): Promise<string>;
  /** Sends what must be refused; resolves to the code. */
  refused(actor: Actor, type: string, body?: Body, basis?: readonly string[]): Promise<string>;
  /** Puts a row of evidence under the incident; resolves to its id. */
  evidence(row?: Partial<EvidenceRow>): Promise<string>;
  record(): Promise<NonNullable<Awaited<ReturnType<RecordService['record']>>>>;
  /** A second service over the same logs, as after a restart. */
  restarted(): Promise<RecordService>;
}

export const START = Date.parse('2026-11-22T14:00:00Z');

export function silentOptions(): Pick<RecordServiceOptions, 'logger' | 'meter'> {
  return { logger: createLogger('silent'), meter: metrics.getMeter('test') };
}

/** A record service over memory with one open incident, `INC-1`, and a clock that stands until moved. */
export async function createRecordFixture(extra: Partial<RecordServiceOptions> = {}): Promise<RecordFixture> {
  const recordLog = createMemoryRecordLog();
  const evidenceLog = createMemoryEvidenceLog();
  let time = START;
  const options: RecordServiceOptions = {
    recordLog,
    evidenceLog,
    ...silentOptions(),
    clock: () => new Date(time),
    sweepIntervalMilliseconds: 0,
    ...extra,
  };
  const service = createRecordService(options);
  await service.start();
  const opened = await service.open(TENANT, ALICE, {
    title: 'Checkout answers 500',
    severity: 'sev2',
    services: ['checkout'],
    environments: ['production'],
  });
  if (opened.kind !== 'opened') throw new Error(JSON.stringify(opened));
  const incidentId = opened.incident.id;
  let rows = 0;
  const send: RecordFixture['send'] = (actor, type, body = {}, basis = []) =>
    service.append(TENANT, incidentId, actor, { type, body, basis });
  return {
    service,
    recordLog,
    evidenceLog,
    incidentId,
    wait(seconds) {
      time += seconds * 1000;
    },
    now: () => new Date(time),
    send,
    async did(actor, type, body, basis) {
      const result = await send(actor, type, body, basis);
      if (result.kind !== 'appended') throw new Error(`${type}: ${JSON.stringify(result)}`);
      return result.entryId;
    },
    async refused(actor, type, body, basis) {
      const result = await send(actor, type, body, basis);
      if (result.kind === 'rejected') return result.rejection.code;
      throw new Error(`${type} was not refused: ${JSON.stringify(result)}`);
    },
    async evidence(row = {}) {
      rows += 1;
      const made = evidenceRow({ incident: incidentId, id: `e${String(rows).padStart(31, '0')}`, ...row });
      await evidenceLog.put([made]);
      return made.id;
    },
    async record() {
      const found = await service.record(TENANT, incidentId);
      if (found === undefined) throw new Error('no record');
      return found;
    },
    async restarted() {
      const again = createRecordService(options);
      await again.start();
      return again;
    },
  };
}

export function evidenceRow(row: Partial<EvidenceRow>): EvidenceRow {
  return {
    tenant: TENANT,
    id: '0'.repeat(32),
    incident: '',
    kind: 'tool_call',
    state: 'linked',
    occurredAtUnixNano: BigInt(START) * 1_000_000n,
    endedAtUnixNano: null,
    receivedAtUnixNano: BigInt(START) * 1_000_000n,
    outcome: 'ok',
    actor: AGENT,
    service: 'sre-agent',
    environment: 'production',
    summary: 'kubectl_get pods',
    tool: null,
    model: null,
    tokens: null,
    conversationId: '',
    sessionId: '',
    content: {},
    redactions: [],
    link: { mode: 'explicit', rule: 'attribute incident.id', score: 1 },
    source: { traceId: '', spanId: '', signal: 'traces', alsoSeenAs: [] },
    sourceFamily: 'kubernetes',
    trust: 'observed',
    dialect: 'otel-genai',
    namedRefs: [],
    facts: {},
    policyVersion: 'test',
    digest: 'd'.repeat(64),
    ...row,
  };
}
