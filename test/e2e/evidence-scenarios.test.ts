import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Signal } from '../../src/otlp/signal.ts';
import type { Actor } from '../../src/record/actor.ts';
import type { EvidenceRow } from '../../src/record/evidence.ts';
import { openIncidentBench, type IncidentBench } from '../support/incident-bench.ts';
import { sharedData } from '../support/shared-data.ts';

/** Recorded incidents through redaction, linker, loader and record, on the real store, before, during and after opening. */
const ORDERS = ['before', 'during', 'after'] as const;
const ALICE: Actor = { kind: 'human', name: 'alice', id: null };

interface Scenario {
  readonly kind: 'service_fault' | 'agent_investigation';
  readonly start: string;
  readonly trigger: { readonly at?: string };
  readonly agent?: { readonly name: string };
  readonly ground_truth: { readonly root_cause_entity: string };
  readonly expected: {
    readonly tool_call_span_ids?: readonly string[];
    readonly production_mutation_span_ids?: readonly string[];
  };
}

const names = sharedData.present
  ? readdirSync(sharedData.path('incidents')).filter((name) =>
      existsSync(sharedData.path('incidents', name, 'scenario.json')),
    )
  : [];

const BODIES: readonly (readonly [Signal, string, string, string, string])[] = [
  ['traces', 'traces.otlp.json', 'resourceSpans', 'scopeSpans', 'spans'],
  ['logs', 'logs.otlp.json', 'resourceLogs', 'scopeLogs', 'logRecords'],
  ['metrics', 'metrics.otlp.json', 'resourceMetrics', 'scopeMetrics', 'metrics'],
];

/** Two requests with every second item of a recorded one, so that acts are torn apart. */
function halves(request: Record<string, unknown>, resources: string, scopes: string, items: string): object[] {
  return [0, 1].map((half) => ({
    [resources]: (request[resources] as Record<string, unknown>[]).map((resource) => ({
      ...resource,
      [scopes]: (resource[scopes] as Record<string, unknown>[]).map((scope) => ({
        ...scope,
        [items]: (scope[items] as unknown[]).filter((_, index) => index % 2 === half),
      })),
    })),
  }));
}

function requestsOf(name: string): (readonly [Signal, object])[][] {
  const parts: (readonly [Signal, object])[][] = [[], []];
  for (const [signal, file, ...levels] of BODIES) {
    const path = sharedData.path('incidents', name, file);
    if (!existsSync(path)) continue;
    const request = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
    halves(request, ...levels).forEach((half, index) => parts[index]?.push([signal, half]));
  }
  return parts;
}

let bench: IncidentBench;

beforeAll(async () => {
  bench = await openIncidentBench();
});

afterAll(async () => {
  await bench?.dispose();
});

async function allRows(tenant: string, incident: string, kinds: EvidenceRow['kind'][]): Promise<EvidenceRow[]> {
  const rows: EvidenceRow[] = [];
  let cursor: string | undefined;
  do {
    const page = await bench.temporary.store.evidenceLog.page(tenant, incident, {
      kinds,
      limit: 500,
      ...(cursor === undefined ? {} : { cursor }),
    });
    rows.push(...page.items);
    cursor = page.next ?? undefined;
  } while (cursor !== undefined);
  return rows;
}

describe.skipIf(!sharedData.present)('recorded incidents', () => {
  const cases = names.flatMap((name) => ORDERS.map((order) => [name, order] as const));
  test.each(cases)(
    '%s, telemetry %s the opening: each tool call is one row, mutations are known, the faulty service stands out',
    { timeout: 120_000 },
    async (name, order) => {
      const path = sharedData.path('incidents', name, 'scenario.json');
      const scenario = JSON.parse(readFileSync(path, 'utf8')) as Scenario;
      const tenant = `${name}-${order}`;
      const [first = [], second = []] = requestsOf(name);
      const open = async (): Promise<string> => {
        const opened = await bench.record.open(tenant, ALICE, {
          title: name,
          startedAt: scenario.trigger.at ?? scenario.start,
          ...(scenario.agent === undefined ? {} : { bind: { agent: scenario.agent.name } }),
        });
        if (opened.kind !== 'opened') throw new Error(opened.kind);
        return opened.incident.id;
      };
      const send = async (requests: typeof first): Promise<void> => {
        for (const [signal, request] of requests) await bench.send(tenant, signal, request);
      };
      let incident = order === 'after' ? await open() : '';
      await send(first);
      if (order === 'during') {
        incident = await open();
        bench.restartLinker();
      }
      await send(second);
      if (order === 'before') incident = await open();

      const calls = await allRows(tenant, incident, ['tool_call']);
      for (const spanId of scenario.expected.tool_call_span_ids ?? []) {
        const found = calls.filter((row) => row.source.spanId === spanId || row.source.alsoSeenAs.includes(spanId));
        expect(found.length, `rows of span ${spanId}`).toBe(1);
      }
      for (const spanId of scenario.expected.production_mutation_span_ids ?? []) {
        const found = calls.find((row) => row.source.spanId === spanId || row.source.alsoSeenAs.includes(spanId));
        expect(found?.tool?.tier).toBe('mutate');
      }
      if (scenario.kind === 'service_fault') {
        await bench.watch.refresh(tenant, incident);
        const signals = await allRows(tenant, incident, ['trace', 'error', 'log', 'metric']);
        expect(signals.length).toBeGreaterThan(5);
        expect(signals.length).toBeLessThanOrEqual(50);
        const top = signals.slice(0, 5);
        expect(top.map((row) => row.facts['rank'])).toEqual(['1', '2', '3', '4', '5']);
        expect(top.map((row) => row.service)).toContain(scenario.ground_truth.root_cause_entity);
        const query = top[0]?.content['query']?.value ?? '';
        expect(await bench.temporary.store.query(query)).not.toEqual([]);
      }
    },
  );
});
