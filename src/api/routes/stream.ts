import { createRoute, z } from '@hono/zod-openapi';
import { streamSSE, type SSEStreamingApi } from 'hono/streaming';
import type { Entry } from '../../record/entry.ts';
import { answers, type ApiApp, type ApiOptions } from '../api-context.ts';
import { evidenceJson, NO_STANDING } from '../evidence-json.ts';
import { createEvidenceWatch, type EvidenceChange } from '../evidence-watch.ts';
import type { ApiInstruments } from '../instruments.ts';
import { ApiProblem, unknownIncident } from '../problem.ts';
import { incidentParameter, wholeNumber } from '../schema.ts';

const STREAMS_MAX = 500;
const HEARTBEAT_MS = 15_000;
const ENTRIES_PER_READ = 500;
/** Events waiting for one slow reader; beyond that it is cut off and may resume with Last-Event-ID. */
const WAITING_MAX = 2_000;

const streamRoute = createRoute({
  method: 'get',
  path: '/api/v1/incidents/{id}/stream',
  tags: ['Entries'],
  summary: 'Entries and evidence as they come, as server-sent events',
  description:
    'Events: `entry` (an entry), `evidence` (a row), `evidence_counts` (totals after rows came). Event ids are the seq of ' +
    'the last entry sent; with `Last-Event-ID` (or `?after=SEQ`) the entries after it are sent first, without either the ' +
    'stream starts now. Rows of evidence may come twice, entries never.',
  request: {
    params: incidentParameter,
    query: z.strictObject({ after: wholeNumber(0, Number.MAX_SAFE_INTEGER).optional() }),
    headers: z.object({ 'last-event-id': wholeNumber(0, Number.MAX_SAFE_INTEGER).optional() }),
  },
  responses: answers(
    { 200: { description: 'The events', content: { 'text/event-stream': { schema: z.string() } } } },
    { 404: 'No such incident', 503: 'Too many open streams' },
  ),
});

/** The live stream of one incident. */
export function registerStreamRoute(app: ApiApp, options: ApiOptions, instruments: ApiInstruments): void {
  const { record, evidence, logger } = options;
  const watch = createEvidenceWatch({ evidence, logger });
  let open = 0;

  app.openapi(streamRoute, async (context) => {
    const { tenant } = context.get('caller');
    const accesses = context.get('accesses');
    const { id } = context.req.valid('param');
    const summary = await record.summary(tenant, id);
    if (!summary) throw unknownIncident();
    // Nobody would read the stream that a HEAD opened.
    if (context.req.method === 'HEAD') return context.body(null, 200, { 'content-type': 'text/event-stream' });
    if (open >= STREAMS_MAX) {
      throw new ApiProblem(503, 'stream.too_many', 'Too many streams are open.', {}, { 'retry-after': '10' });
    }
    const after = context.req.valid('header')['last-event-id'] ?? context.req.valid('query').after ?? summary.head.seq;
    open += 1;
    instruments.streams.add(1);
    context.header('cache-control', 'no-store');
    context.header('x-accel-buffering', 'no');
    return streamSSE(context, async (stream) => {
      let stop = (): void => undefined;
      try {
        await serve(stream, after, (onEntry, onEvidence) => {
          const stopEntries = record.subscribe(tenant, summary.id, onEntry);
          const stopEvidence = watch.subscribe(tenant, summary.id, onEvidence);
          stop = () => {
            stopEntries();
            stopEvidence();
          };
        });
      } catch (error) {
        logger.warn({ error: error instanceof Error ? error.name : 'unknown' }, 'an event stream ended with an error');
      } finally {
        stop();
        open -= 1;
        instruments.streams.add(-1);
      }
    });

    async function serve(
      stream: SSEStreamingApi,
      afterSeq: number,
      subscribe: (onEntry: (entry: Entry) => void, onEvidence: (change: EvidenceChange) => void) => void,
    ): Promise<void> {
      let sent = afterSeq;
      const waiting: (Entry | EvidenceChange)[] = [];
      let wake = (): void => undefined;
      const add = (event: Entry | EvidenceChange): void => {
        waiting.push(event);
        wake();
      };
      stream.onAbort(() => wake());
      // Subscribed before the log is read: what comes in between waits, and is skipped if the log had it.
      subscribe(add, add);
      await stream.write(`retry: 2000\n: docket\n\n`);
      for (let next: number | null = sent; next !== null && !stream.aborted;) {
        const page = await record.entries(tenant, summary?.id ?? id, { after: next, limit: ENTRIES_PER_READ });
        for (const entry of page?.items ?? []) {
          await stream.writeSSE({ event: 'entry', id: String(entry.seq), data: JSON.stringify(entry) });
          sent = entry.seq;
        }
        next = page?.next ?? null;
      }
      while (!stream.aborted && !stream.closed) {
        if (waiting.length > WAITING_MAX) return;
        const event = waiting.shift();
        if (event === undefined) {
          const woken = await new Promise<boolean>((resolve) => {
            const timer = setTimeout(() => resolve(false), HEARTBEAT_MS);
            wake = () => {
              clearTimeout(timer);
              resolve(true);
            };
          });
          wake = () => undefined;
          if (!woken && !stream.aborted) await stream.write(': still here\n\n');
        } else if ('seq' in event) {
          if (event.seq <= sent) continue;
          await stream.writeSSE({ event: 'entry', id: String(event.seq), data: JSON.stringify(event) });
          sent = event.seq;
        } else {
          const standing = event.rows.length > 0 ? await record.evidenceStanding(tenant, id) : undefined;
          accesses.evidence(summary?.id ?? id, event.rows);
          for (const row of event.rows) {
            const data = JSON.stringify(evidenceJson(row, summary?.ref ?? null, standing ?? NO_STANDING));
            await stream.writeSSE({ event: 'evidence', data });
          }
          await stream.writeSSE({ event: 'evidence_counts', data: JSON.stringify(event.counts) });
        }
      }
    }
  });
}
