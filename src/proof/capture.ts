import { ProofFailed } from '../cli/policy/tools.ts';
import { ask, type Answer } from './answer.ts';

/** What a reader of the API gets to see. */
export interface ApiCapture {
  readonly sinks: readonly CapturedSink[];
}

export interface CapturedSink {
  readonly name: string;
  readonly bytes: Buffer;
  /** Whether text that stays must be there. */
  readonly expectsControl: boolean;
}

export interface CaptureOptions {
  /** host:port. */
  readonly api: string;
  readonly incident: string;
}

const PAGES_MAX = 80;
const EVIDENCE_PAGES_MAX = 200;

/** Opens the incident and follows its stream; `collect` then reads everything there is to read about it. */
export function collectApi({ api, incident }: CaptureOptions) {
  const streamed: Buffer[] = [];
  const abort = new AbortController();
  let streaming: Promise<void> | undefined;
  const base = `http://${api}`;

  function read(path: string, accept = 'application/json'): Promise<Answer> {
    return ask(`${base}${path}`, { headers: { accept } });
  }

  async function follow(): Promise<void> {
    try {
      const response = await fetch(`${base}/api/v1/incidents/${incident}/stream`, { signal: abort.signal });
      if (response.body === null) return;
      for await (const chunk of response.body) streamed.push(Buffer.from(chunk));
    } catch {
      // Ended by `collect`; a stream that broke off earlier lacks the text that stays, and so proves nothing.
    }
  }

  return {
    async open(): Promise<void> {
      const { status } = await ask(`${base}/api/v1/incidents`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ title: 'Proof of the redaction policy', ref: incident }),
      });
      if (status !== 201) throw new ProofFailed(`the Docket under test did not open an incident (HTTP ${status})`);
      streaming = follow();
    },
    async collect(traceIds: readonly string[]): Promise<ApiCapture> {
      const here = `/api/v1/incidents/${incident}`;
      const json: Buffer[] = [];
      for (const path of [
        '/api/v1/incidents?limit=200',
        here,
        `${here}/brief`,
        `${here}/similar`,
        '/api/v1/metrics/record',
      ]) {
        json.push((await read(path)).body);
      }
      for (const path of [`${here}/entries?limit=1000`, '/openapi.json', '/readyz']) json.push((await read(path)).body);
      const evidenceIds = await readPages(`${here}/evidence?limit=200`, json);
      await readPages('/api/v1/evidence/unfiled?limit=200', json);
      for (const id of evidenceIds.slice(0, 50)) {
        json.push((await read(`${here}/evidence/${encodeURIComponent(id)}`)).body);
        json.push((await read(`/api/v1/receipts/evidence/${encodeURIComponent(id)}`)).body);
      }
      for (const traceId of traceIds) {
        json.push((await read(`/api/v1/traces/${traceId}`)).body);
        json.push((await read(`/api/v1/receipts?traceId=${traceId}`)).body);
      }
      const markdown = [(await read(here, 'text/markdown')).body, (await read(`${here}/brief`, 'text/markdown')).body];
      const metrics = (await read('/metrics')).body;
      const pages = await crawl([
        '/',
        `/incidents/${incident}`,
        '/unfiled',
        '/docs',
        ...traceIds.slice(0, 20).map((traceId) => `/traces/${traceId}`),
      ]);
      const bundle = await read(`${here}/bundle`);
      abort.abort();
      await streaming;
      return {
        sinks: [
          { name: 'API, JSON', bytes: Buffer.concat(json), expectsControl: true },
          { name: 'API, Markdown', bytes: Buffer.concat(markdown), expectsControl: true },
          { name: 'pages', bytes: Buffer.concat(pages), expectsControl: true },
          { name: 'event stream', bytes: Buffer.concat(streamed), expectsControl: true },
          { name: '/metrics', bytes: metrics, expectsControl: false },
          ...(bundle.status === 200 ? [{ name: 'bundle', bytes: bundle.body, expectsControl: true }] : []),
        ],
      };
    },
  };

  /** Reads every page of a listing; returns the ids of its items. */
  async function readPages(path: string, bodies: Buffer[]): Promise<readonly string[]> {
    const ids: string[] = [];
    let cursor = '';
    for (let page = 0; page < EVIDENCE_PAGES_MAX; page += 1) {
      const { status, body } = await read(`${path}${cursor}`);
      bodies.push(body);
      if (status !== 200) return ids;
      const { items, next } = JSON.parse(body.toString('utf8')) as { items: { id: string }[]; next: string | null };
      ids.push(...items.map((each) => each.id));
      if (next === null) return ids;
      cursor = `&cursor=${encodeURIComponent(next)}`;
    }
    return ids;
  }

  /** Reads pages and what they link to on this service. */
  async function crawl(starts: readonly string[]): Promise<readonly Buffer[]> {
    const waiting = [...starts];
    const known = new Set(waiting);
    const bodies: Buffer[] = [];
    for (let path = waiting.shift(); path !== undefined && bodies.length < PAGES_MAX; path = waiting.shift()) {
      const { body } = await read(path, 'text/html');
      bodies.push(body);
      for (const [, link = ''] of body.toString('utf8').matchAll(/href="(\/[^"#]*)/g)) {
        const next = link.replaceAll('&amp;', '&');
        if (known.has(next) || next.startsWith('/api/')) continue;
        known.add(next);
        waiting.push(next);
      }
    }
    return bodies;
  }
}
