/**
 * The senders of the overload test, in a process of their own: what they cost must not be what is measured. Driven by messages
 * from the test (Phase), answers each with a PhaseReport.
 */
import type { Listeners } from '../../support/docket-process.ts';
import { createSpanTemplate } from '../../support/fault-requests.ts';
import { createOtlpClient, type Attempt, type OtlpClient, type Protocol } from '../../support/fault-sender.ts';

export interface Phase {
  readonly listeners: Listeners;
  /** Number of the first request; each has `items` spans, numbered from this times `items`. */
  readonly firstRequest: number;
  readonly items: number;
  readonly agentContent: number;
  readonly seconds: number;
  /** Requests that wait for an answer at once, half over each transport. */
  readonly outstandingMax: number;
  /** Requests begun a second, whether the ones before were answered or not; undefined begins one as another is answered. */
  readonly perSecond: number | undefined;
  /** Left out of the counts at the beginning. */
  readonly warmSeconds: number;
}

export interface PhaseReport {
  readonly sent: number;
  /** Not sent, because as many as may be were waiting for their answers. */
  readonly withheld: number;
  /** Acknowledged between the end of the warm-up and the end of the phase. */
  readonly acknowledgedInTime: number;
  /** Every request acknowledged, by its number. */
  readonly acknowledged: Uint32Array;
  readonly answers: Readonly<Record<string, number>>;
  /** Answers that no client would ever retry. */
  readonly fatal: readonly string[];
  /** Answers 503 without Retry-After. */
  readonly delayNotNamed: number;
  /** Milliseconds until an acknowledgement, and until a refusal. */
  readonly acknowledgedMs: Percentiles;
  readonly refusedMs: Percentiles;
  /** Seconds of processor time the senders took. */
  readonly cpuSeconds: number;
}

export interface Percentiles {
  readonly p50: number;
  readonly p99: number;
  readonly most: number;
}

/** What OpenTelemetry's exporters wait for an answer (OTEL_EXPORTER_OTLP_TIMEOUT). */
const TIMEOUT_MS = 10_000;
const GRPC_CONNECTIONS = 8;
const TICK_MS = 5;

async function run(phase: Phase): Promise<PhaseReport> {
  const make = createSpanTemplate(phase.items, { agentContent: phase.agentContent });
  const clients: Readonly<Record<Protocol, readonly OtlpClient[]>> = {
    http: [createOtlpClient(phase.listeners, 'http', TIMEOUT_MS)],
    grpc: Array.from({ length: GRPC_CONNECTIONS }, () => createOtlpClient(phase.listeners, 'grpc', TIMEOUT_MS)),
  };
  const outstanding: Record<Protocol, number> = { http: 0, grpc: 0 };
  const answers = new Map<string, number>();
  const fatal: string[] = [];
  const acknowledged: number[] = [];
  const acknowledgedMs: number[] = [];
  const refusedMs: number[] = [];
  let sent = 0;
  let withheld = 0;
  let acknowledgedInTime = 0;
  let delayNotNamed = 0;
  const cpu = process.cpuUsage();
  const began = performance.now();
  const ends = began + (phase.warmSeconds + phase.seconds) * 1000;

  function count(attempt: Attempt, number: number, begun: number): void {
    const now = performance.now();
    answers.set(attempt.answer, (answers.get(attempt.answer) ?? 0) + 1);
    if (attempt.outcome === 'acknowledged') {
      acknowledged.push(number);
      acknowledgedMs.push(now - begun);
      if (now >= began + phase.warmSeconds * 1000 && now < ends) acknowledgedInTime += 1;
      return;
    }
    if (attempt.outcome === 'refused') fatal.push(attempt.answer);
    if (attempt.answer === '503' && !attempt.asksForDelay) delayNotNamed += 1;
    refusedMs.push(now - begun);
  }

  async function send(protocol: Protocol): Promise<void> {
    const number = phase.firstRequest + sent;
    const of = clients[protocol];
    const client = of[sent % of.length];
    if (client === undefined) throw new Error('there is no client');
    sent += 1;
    outstanding[protocol] += 1;
    const begun = performance.now();
    count(await client.send(make(number * phase.items)), number, begun);
    outstanding[protocol] -= 1;
  }

  const each = phase.outstandingMax / 2;
  const underWay: Promise<void>[] = [];
  if (phase.perSecond === undefined) {
    for (const protocol of ['http', 'grpc'] as const) {
      for (let lane = 0; lane < each; lane += 1) {
        underWay.push(
          (async () => {
            while (performance.now() < ends) await send(protocol);
          })(),
        );
      }
    }
  } else {
    let arrivals = 0;
    while (performance.now() < ends) {
      const due = ((performance.now() - began) / 1000) * phase.perSecond;
      for (; arrivals < due; arrivals += 1) {
        const protocol = arrivals % 2 === 0 ? 'http' : 'grpc';
        if (outstanding[protocol] >= each) withheld += 1;
        else underWay.push(send(protocol));
      }
      await new Promise((resolve) => setTimeout(resolve, TICK_MS));
    }
  }
  await Promise.all(underWay);
  for (const client of [...clients.http, ...clients.grpc]) client.close();
  const { user, system } = process.cpuUsage(cpu);
  return {
    sent,
    withheld,
    acknowledgedInTime,
    acknowledged: Uint32Array.from(acknowledged),
    answers: Object.fromEntries(answers),
    fatal: fatal.slice(0, 20),
    delayNotNamed,
    acknowledgedMs: percentiles(acknowledgedMs),
    refusedMs: percentiles(refusedMs),
    cpuSeconds: (user + system) / 1e6,
  };
}

function percentiles(milliseconds: number[]): Percentiles {
  const sorted = Float64Array.from(milliseconds).sort();
  const at = (share: number): number =>
    Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);
  return { p50: at(0.5), p99: at(0.99), most: at(1) };
}

process.on('message', (phase: Phase) => {
  run(phase).then(
    (report) => process.send?.(report),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
