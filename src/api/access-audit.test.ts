import { Writable } from 'node:stream';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { createRecordFixture, evidenceRow, TENANT } from '../../test/support/record-fixture.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { createPages } from '../ui/create-pages.ts';
import { createApi } from './create-api.ts';
import { createOpenIdentity } from './identity.ts';

const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';

async function audited() {
  const lines: string[] = [];
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(chunk.toString());
      done();
    },
  });
  const record = await createRecordFixture();
  const { meter, prometheusText } = createMetrics();
  const options = {
    record: record.service,
    evidence: record.evidenceLog,
    telemetry: { trace: () => Promise.resolve({ traceId: TRACE_ID, spans: [], logs: [], truncated: false }) },
    version: '1.2.3',
  };
  const app = createApi({
    ...options,
    identify: createOpenIdentity(TENANT, (name) => name),
    health: () => ({ ready: true, components: [] }),
    metricsText: () => Promise.resolve(''),
    // A level above the audit's: who read what is noted all the same.
    logger: pino({ level: 'error' }, sink),
    meter,
    loopbackOnly: true,
  });
  app.route('/', createPages(options));
  const content = { arguments: { captured: true, value: 'the words of it', bytes: 15, digest: null } };
  await record.evidenceLog.put([
    evidenceRow({ id: 'told', incident: record.incidentId, content, summary: 'the summary of it' }),
    evidenceRow({ id: 'bare', incident: record.incidentId, content: {} }),
    evidenceRow({ id: 'loose', incident: '', state: 'unfiled', content }),
  ]);
  return {
    record,
    prometheusText,
    async noted(path: string): Promise<readonly unknown[]> {
      lines.length = 0;
      const response = await app.request(path, { headers: { 'x-docket-actor': 'bob' } });
      await response.text();
      expect(lines.join('')).not.toContain('of it');
      return lines.map((line) => JSON.parse(line) as unknown);
    },
  };
}

test('invariant 32: reading evidence that holds content is noted with who read which rows, by API and by page', async () => {
  const { record, noted, prometheusText } = await audited();
  const read = { audit: true, tenant: TENANT, by: 'human', name: 'bob', rows: 1 };
  const filed = { ...read, incident: record.incidentId, evidence: ['told'], msg: 'evidence was read' };
  for (const path of [
    '/api/v1/incidents/INC-1/evidence',
    '/api/v1/incidents/INC-1/evidence/told',
    '/incidents/INC-1',
    '/incidents/INC-1/evidence/told',
  ]) {
    expect(await noted(path), path).toMatchObject([filed]);
  }
  for (const path of ['/api/v1/evidence/unfiled', '/unfiled']) {
    expect(await noted(path), path).toMatchObject([{ ...read, incident: '', evidence: ['loose'] }]);
  }
  expect(await prometheusText()).toMatch(/docket_record_reads\S*\{[^}]*what="evidence"[^}]*\} 6/);
});

test('invariant 32: traces and exports are noted; what holds no content, is not there, or is only counted, is not', async () => {
  const { record, noted } = await audited();
  for (const path of [`/api/v1/traces/${TRACE_ID}`, `/traces/${TRACE_ID}`]) {
    expect(await noted(path), path).toMatchObject([{ name: 'bob', trace: TRACE_ID, msg: 'a trace was read' }]);
  }
  expect(await noted('/api/v1/incidents/INC-1/ocsf')).toMatchObject([
    { name: 'bob', incident: record.incidentId, as: 'ocsf' },
  ]);
  for (const path of [
    '/api/v1/incidents/INC-1/evidence/bare',
    '/api/v1/incidents/INC-1/evidence/none',
    '/api/v1/incidents/INC-9/evidence',
    '/api/v1/incidents/INC-1',
    '/',
  ]) {
    expect(await noted(path), path).toEqual([]);
  }
});
