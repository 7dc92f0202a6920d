import { Hono, type Context } from 'hono';
import type { ApiEnv } from '../api/api-context.ts';
import { evidenceJson, NO_STANDING } from '../api/evidence-json.ts';
import { readEvidencePage } from '../api/read-evidence-page.ts';
import type { EvidenceLog, EvidencePageRequest } from '../record/evidence-log.ts';
import { EVIDENCE_KINDS, type EvidenceRow } from '../record/evidence.ts';
import { INCIDENT_STATUSES, SEVERITIES, type IncidentStatus, type IncidentSummary } from '../record/incident-record.ts';
import type { MemoryService } from '../record/memory/memory-service.ts';
import { createMeasureReader } from '../record/memory/record-measures.ts';
import type { RecordService } from '../record/record-service.ts';
import type { TelemetryReader } from '../record/telemetry-reader.ts';
import { EvidencePage } from './evidence-page.tsx';
import { IncidentList } from './incident-list.tsx';
import { IncidentPage } from './incident-page.tsx';
import { document, ICON } from './layout.tsx';
import { LIVE_SECONDS, liveViewOf, type LiveView } from './live.tsx';
import { MeasuresPage } from './measures-page.tsx';
import { NotFound, UnfiledPage } from './plain-pages.tsx';
import { STYLESHEET } from './stylesheet.ts';
import { TracePage } from './trace-page.tsx';

export interface PagesOptions {
  readonly record: RecordService;
  readonly evidence: EvidenceLog;
  readonly telemetry: TelemetryReader;
  /** What past incidents teach; not shown without it. */
  readonly memory?: MemoryService;
  readonly version: string;
  /** What every page says on top, while there is something. */
  readonly notice?: () => string | undefined;
}

const INCIDENTS_PER_PAGE = 25;
const OPEN_MAX = 100;
const GOING_ON: readonly IncidentStatus[] = ['triage', 'active', 'mitigated', 'monitoring'];
const OVER = INCIDENT_STATUSES.filter((each) => !GOING_ON.includes(each));
const EVIDENCE_PER_PAGE = 50;
const ENTRIES_PER_PAGE = 100;
const UNFILED_COUNTED = 100;
const SIMILAR_SHOWN = 3;
const HELP_SHOWN = 40;

/** The page: every incident, one record, one row of evidence, one trace. Mounted into the API's app, behind its checks. */
export function createPages(options: PagesOptions): Hono<ApiEnv> {
  const { record, evidence, telemetry, version } = options;
  const notice = (): string | undefined => options.notice?.();
  const app = new Hono<ApiEnv>();

  app.get('/docket.css', (context) => asset(context, STYLESHEET, 'text/css; charset=utf-8'));
  app.get('/docket.svg', (context) => asset(context, ICON, 'image/svg+xml'));

  app.get('/', async (context) => {
    const { tenant } = context.get('caller');
    const status = oneOf(INCIDENT_STATUSES, context.req.query('status'));
    const severity = oneOf(SEVERITIES, context.req.query('severity'));
    const q = words(context.req.query('q'));
    const cursor = context.req.query('cursor');
    const older = cursor !== undefined && cursor !== '';
    const asked = status === undefined ? INCIDENT_STATUSES : [status];
    const incidents = (
      statuses: readonly IncidentStatus[],
      more: { readonly limit: number; readonly cursor?: string },
    ) =>
      record.list(tenant, {
        ...more,
        status: statuses.filter((each) => asked.includes(each)),
        ...(severity === undefined ? {} : { severity: [severity] }),
        ...(q === '' ? {} : { q }),
      });
    const [open, over, unfiled] = await Promise.all([
      // The page of older ones has what is over only: what goes on is on the first.
      older ? { items: [], next: null } : incidents(GOING_ON, { limit: OPEN_MAX }),
      incidents(OVER, { limit: INCIDENTS_PER_PAGE, ...(older ? { cursor } : {}) }),
      evidence.unfiled(tenant, { limit: UNFILED_COUNTED }),
    ]);
    const withRecords = (items: readonly IncidentSummary[]) =>
      Promise.all(items.map(async (summary) => ({ summary, record: await record.record(tenant, summary.id) })));
    const worstFirst = [...open.items].sort(
      (one, other) => SEVERITIES.indexOf(one.severity) - SEVERITIES.indexOf(other.severity),
    );
    const list = IncidentList({
      open: await withRecords(worstFirst),
      openMore: open.next !== null,
      over: await withRecords(over.items),
      next: over.next,
      filter: { status: status ?? '', severity: severity ?? '', q },
      unfiled: { count: unfiled.items.length, more: unfiled.next !== null },
      live: liveOf(context),
      nowMs: Date.now(),
    });
    return context.html(document('Incidents', version, list, notice()));
  });

  app.get('/unfiled', async (context) => {
    const { tenant } = context.get('caller');
    const page = await readEvidencePage(evidenceRequest(context, ''), (request) => evidence.unfiled(tenant, request));
    context.get('accesses').evidence('', page.items);
    const rows = page.items.map((row) => evidenceJson(row, null, NO_STANDING));
    return context.html(document('Unfiled evidence', version, UnfiledPage({ rows, next: page.next }), notice()));
  });

  app.get('/measures', async (context) => {
    const { tenant } = context.get('caller');
    const reader = createMeasureReader({ record, evidenceLog: evidence });
    const [measures, agents] = await Promise.all([reader.record(tenant, {}), reader.agents(tenant, {})]);
    if (!measures || !agents) return notFound(context, 'There is nothing to measure.');
    return context.html(document('Measures', version, MeasuresPage({ measures, agents }), notice()));
  });

  app.get('/incidents/:id', async (context) => {
    const { tenant } = context.get('caller');
    const found = await record.record(tenant, context.req.param('id'));
    if (!found) return notFound(context, 'There is no such incident.');
    const filter = { kind: oneOf(EVIDENCE_KINDS, context.req.query('kind')) ?? '', q: words(context.req.query('q')) };
    // The newest entries unless earlier ones are asked for.
    const last = Math.max(0, found.head.seq - ENTRIES_PER_PAGE);
    const asked = context.req.query('entries');
    const after = asked !== undefined && /^\d{1,15}$/.test(asked) ? Math.min(Number(asked), last) : last;
    const [standing, entries, rows, help, similar] = await Promise.all([
      record.evidenceStanding(tenant, found.id),
      record.entries(tenant, found.id, { after, limit: ENTRIES_PER_PAGE }),
      readEvidencePage(evidenceRequest(context, filter.q), (request) => evidence.page(tenant, found.id, request)),
      evidence.page(tenant, found.id, { kinds: ['ownership', 'runbook'], limit: HELP_SHOWN }),
      // A record is readable while its memory is not.
      options.memory?.similar(tenant, found.id, SIMILAR_SHOWN).catch(() => undefined),
    ]);
    context.get('accesses').evidence(found.id, rows.items);
    const json = (row: EvidenceRow) => evidenceJson(row, found.ref, standing ?? NO_STANDING);
    const page = IncidentPage({
      record: found,
      entries: entries?.items ?? [],
      earlierAfter: after === 0 ? undefined : Math.max(0, after - ENTRIES_PER_PAGE),
      evidence: { items: rows.items.map(json), next: rows.next },
      help: help.items.map(json),
      filter,
      similar,
      live: liveOf(context),
      nowMs: Date.now(),
    });
    return context.html(document(`${found.ref}: ${found.title}`, version, page, notice()));
  });

  app.get('/incidents/:id/evidence/:eid', async (context) => {
    const { tenant } = context.get('caller');
    const found = await record.record(tenant, context.req.param('id'));
    if (!found) return notFound(context, 'There is no such incident.');
    const row = await evidence.get(tenant, found.id, context.req.param('eid'));
    if (!row) return notFound(context, 'The incident has no such evidence.');
    context.get('accesses').evidence(found.id, [row]);
    const standing = (await record.evidenceStanding(tenant, found.id)) ?? NO_STANDING;
    const page = EvidencePage({ row: evidenceJson(row, found.ref, standing), incidentTitle: found.title });
    return context.html(document(row.summary === '' ? row.kind : row.summary, version, page, notice()));
  });

  app.get('/traces/:traceId', async (context) => {
    const { tenant } = context.get('caller');
    const traceId = context.req.param('traceId').toLowerCase();
    const trace = /^[0-9a-f]{32}$/.test(traceId) ? await telemetry.trace(tenant, traceId) : undefined;
    if (!trace) {
      return notFound(
        context,
        'Nothing of this trace is stored: it never came, or it is older than telemetry is kept. Evidence that was made of it stays, with its content.',
      );
    }
    context.get('accesses').trace(traceId);
    return context.html(document(`Trace ${traceId}`, version, TracePage({ trace }), notice()));
  });

  // Whoever reads with a browser gets a way back; programs get the API's answer.
  app.get('*', (context, next) =>
    !context.req.path.startsWith('/api/') && context.req.header('accept')?.includes('text/html') === true
      ? notFound(context, 'There is no such page.')
      : next(),
  );

  function notFound(context: Context, what: string): Response | Promise<Response> {
    return context.html(document('Not found', version, NotFound({ what }), notice()), 404);
  }

  return app;
}

/** How the page keeps up to date; sets the header by which browsers load it again. */
function liveOf(context: Context): LiveView {
  const live = liveViewOf(context.req.url);
  if (live.on) context.header('Refresh', String(LIVE_SECONDS));
  return live;
}

function evidenceRequest(context: Context, q: string): EvidencePageRequest {
  const kind = oneOf(EVIDENCE_KINDS, context.req.query('kind'));
  const cursor = context.req.query('cursor');
  return {
    limit: EVIDENCE_PER_PAGE,
    ...(kind === undefined ? {} : { kinds: [kind] }),
    ...(q === '' ? {} : { q }),
    ...(cursor === undefined || cursor === '' ? {} : { cursor }),
  };
}

function asset(context: Context, content: string, type: string): Response {
  return context.body(content, 200, { 'content-type': type, 'cache-control': 'public, max-age=300' });
}

/** What a form sent, when it is one of the choices; anything else counts as no choice. */
function oneOf<const T extends string>(values: readonly T[], value: string | undefined): T | undefined {
  return values.find((each) => each === value);
}

function words(value: string | undefined): string {
  return (value ?? '').trim().slice(0, 200);
}
