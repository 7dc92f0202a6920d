import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiClient } from '../../api/client.ts';
import { EXIT, UsageError } from '../exit-code.ts';
import type { Terminal } from '../terminal.ts';
import { countRecords, nameIncident, sliceByTime, type ReplaySignal } from './otlp-json.ts';
import { nameIncidentInProtobuf } from './otlp-protobuf.ts';
import type { OtlpSender } from './otlp-sender.ts';
import { createReplayProgress } from './progress.ts';
import { listRecordings, readRecording, type RecordedRequest } from './recorded-file.ts';

export interface ReplayOptions {
  /** File or folder. */
  readonly path: string;
  /** Times as fast as recorded; undefined: as fast as the receiver takes it. */
  readonly speed?: number;
  /** The incident to name on everything; opened when it does not exist. */
  readonly incident?: string;
  readonly sender: OtlpSender;
  readonly client: ApiClient;
  readonly terminal: Terminal;
}

/** At a recorded pace, what belongs to one such window of the replay travels together. */
const WINDOW_SECONDS = 0.25;
const EVIDENCE_LOOKS = 10;
const EVIDENCE_LOOK_MS = 300;
const SIGNALS: readonly ReplaySignal[] = ['traces', 'logs', 'metrics'];

interface Totals {
  readonly accepted: Map<ReplaySignal, { requests: number; records: number }>;
  rejected: number;
  refused: number;
}

/**
 * Posts recorded telemetry as it was recorded, times included. With an incident, `incident.id` is set on every resource
 * before posting, which is what an instrumented sender would do: the link is explicit and seen in the stored telemetry.
 */
export async function replay(options: ReplayOptions): Promise<number> {
  const { terminal, sender, incident, client, speed } = options;
  const recordings = await listRecordings(options.path);
  if (recordings.length === 0) throw new UsageError(`${options.path} holds no .json, .jsonl or .pb file`);
  if (incident !== undefined) await ensureIncident(options, incident);

  const totals: Totals = { accepted: new Map(), rejected: 0, refused: 0 };
  const progress = createReplayProgress(terminal, recordings.length);
  const paced: PacedRequest[] = [];
  let files = 0;
  for (const recording of recordings) {
    progress.file(recording.name);
    const file = await readRecording(recording);
    if (file.kind === 'not_otlp') {
      progress.note(`${file.name}: skipped, ${file.reason}`);
    } else {
      files += 1;
      const records = file.requests.reduce((sum, request) => sum + request.records, 0);
      const others = file.others > 0 ? `, ${plural(file.others, 'other element')} skipped` : '';
      const signals = [...new Set(file.requests.map(({ signal }) => signal))].join(', ');
      progress.note(
        `${file.name}: ${signals}, ${plural(file.requests.length, 'request')}, ${plural(records, 'record')}${others}`,
      );
      for (const request of file.requests) {
        if (speed === undefined) await send(request, file.name);
        else paced.push(...sliceForPace(request, file.name, speed));
      }
    }
    progress.sent(1);
  }
  if (speed !== undefined) await sendPaced(speed);
  progress.finish(summaryOf(totals, files));
  if (incident !== undefined && files > 0) await showEvidence(client, incident, terminal);
  return files > 0 && totals.refused === 0 && totals.rejected === 0 ? EXIT.done : EXIT.no;

  /** Over all files, in the order of the recording. */
  async function sendPaced(timesAsFast: number): Promise<void> {
    paced.sort((left, right) => (left.atUnixNano < right.atUnixNano ? -1 : left.atUnixNano > right.atUnixNano ? 1 : 0));
    const recordedStart = paced.find(({ atUnixNano }) => atUnixNano > 0n)?.atUnixNano ?? 0n;
    const startedMs = performance.now();
    for (const { atUnixNano, request, name } of paced) {
      const dueMs = Number(atUnixNano - recordedStart) / 1e6 / timesAsFast;
      const waitMs = startedMs + dueMs - performance.now();
      if (waitMs > 0) await sleep(waitMs);
      await send(request, name);
    }
  }

  async function send(request: RecordedRequest, name: string): Promise<void> {
    const { signal, payload } = request;
    const result =
      payload.kind === 'json'
        ? await sender.send(
            signal,
            'application/json',
            JSON.stringify((incident === undefined ? payload.json : nameIncident(payload.json, incident)).body),
          )
        : await sender.send(
            signal,
            'application/x-protobuf',
            incident === undefined ? payload.bytes : nameIncidentInProtobuf(payload.bytes, incident),
          );
    if (result.kind === 'refused') {
      totals.refused += 1;
      progress.note(`${name}: refused with HTTP ${result.status} after ${plural(result.attempts, 'attempt')}`);
      return;
    }
    const counted = totals.accepted.get(signal) ?? { requests: 0, records: 0 };
    totals.accepted.set(signal, {
      requests: counted.requests + 1,
      records: counted.records + request.records,
    });
    if (result.rejected > 0) {
      totals.rejected += result.rejected;
      progress.note(
        `${name}: the receiver rejected ${plural(result.rejected, 'record')}${result.message && `: ${result.message}`}`,
      );
    }
  }
}

async function ensureIncident(options: ReplayOptions, ref: string): Promise<void> {
  const { client, terminal } = options;
  if (await client.hasIncident(ref)) return;
  const opened = await client.openIncident({ ref, title: `Replay of ${basename(options.path)}` });
  terminal.print(`opened ${opened.ref}`);
}

/** Telemetry becomes evidence behind the acknowledgement: looked at until the count stands still, for a few seconds. */
async function showEvidence(client: ApiClient, ref: string, terminal: Terminal): Promise<void> {
  let total = -1;
  for (let look = 0; look < EVIDENCE_LOOKS; look++) {
    const { evidence } = await client.incident(ref);
    if (evidence.total === total && total > 0) break;
    total = evidence.total;
    await sleep(EVIDENCE_LOOK_MS);
  }
  terminal.print(`${ref} has ${plural(total, 'evidence row')} so far`);
}

interface PacedRequest {
  /** Nanoseconds since the epoch; 0 for what carries no time and goes first. */
  readonly atUnixNano: bigint;
  readonly request: RecordedRequest;
  readonly name: string;
}

/** JSON is cut into windows of the replay; a protobuf request goes whole, ahead of what has a time. */
function sliceForPace(request: RecordedRequest, name: string, speed: number): PacedRequest[] {
  if (request.payload.kind === 'protobuf') return [{ atUnixNano: 0n, request, name }];
  const windowNano = BigInt(Math.max(1, Math.round(WINDOW_SECONDS * speed * 1e9)));
  return sliceByTime(request.payload.json, windowNano).map(({ atUnixNano, request: json }) => ({
    atUnixNano: atUnixNano ?? 0n,
    request: { signal: json.signal, records: countRecords(json), payload: { kind: 'json', json } },
    name,
  }));
}

function summaryOf(totals: Totals, files: number): string {
  const parts = SIGNALS.flatMap((signal) => {
    const counted = totals.accepted.get(signal);
    return counted ? [`${signal}: ${plural(counted.requests, 'request')}, ${plural(counted.records, 'record')}`] : [];
  });
  const accepted = parts.length > 0 ? parts.join('; ') : 'nothing';
  return `${plural(files, 'file')} replayed. Accepted ${accepted}. Rejected ${plural(totals.rejected, 'record')}, refused ${plural(totals.refused, 'request')}.`;
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
