/**
 * The demo's incident, live: shoppers check out, a deploy of payments breaks part of them, an alert opens an incident, an
 * agent investigates with real tool calls, a person decides, the rollback is done, and shoppers are well again. Nothing
 * is canned: what the record shows is what happened. At the end every part of it is asked for, and what is missing fails.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { createClient, type ApiClient } from '../api/client.ts';
import { runAgent, type Agent, type Tool, type ToolResult } from './agent.ts';
import { missingFromRecord } from './checks.ts';
import { startFleet, type Fleet } from './fleet.ts';
import { startLoad, type Load } from './load.ts';
import { startTelemetry } from './telemetry.ts';

export interface DemoOptions {
  /** host:port of the running Docket. */
  readonly otlpGrpc: string;
  readonly api: string;
  readonly dataDirectory: string;
  /** Tells the reader what is going on. */
  say(line: string): void;
}

export interface DemoResult {
  readonly ref: string;
  readonly brief: string;
  /** What the record should show and does not; empty when the demo is complete. */
  readonly missing: readonly string[];
}

const REF = 'INC-DEMO';
const SHOPPERS = 6;
const WAIT_MS_MAX = 30_000;

interface Failure {
  readonly traceId: string;
}

export async function runDemo(options: DemoOptions): Promise<DemoResult> {
  const { say } = options;
  const operatorToken = `op_live_${randomBytes(20).toString('hex')}`;
  const fleet = await startFleet({ otlpGrpc: options.otlpGrpc, operatorToken });
  let load: Load | undefined;
  try {
    const shoppers = startLoad(fleet.url('storefront'), SHOPPERS);
    load = shoppers;
    say('Three services are up; shoppers check out.');
    await until('shoppers are served', () => shoppers.window(3).requests > 40);
    if (shoppers.window(3).failures > 0) throw new Error('checkouts failed before anything was changed');

    const deployTime = new Date().toISOString();
    await fleet.deployPayments('1.5.0');
    say('payments 1.5.0 is deployed.');
    await until('the deploy breaks checkouts', () => failureShare(shoppers) > 0.1);

    const people = clients(options.api);
    const alert = shoppers.window(3);
    await people.alerting.openIncident({
      title: 'Checkout fails for part of the shoppers',
      ref: REF,
      severity: 'sev2',
      services: ['storefront', 'payments', 'inventory'],
      environments: ['demo'],
      startedAt: deployTime,
      trigger: {
        source: 'alert',
        title: `Checkout failure share ${Math.round(failureShare(shoppers) * 100)} % over 3 s`,
        rule: 'checkout failure share > 10 %',
        service: 'storefront',
        severity: 'sev2',
        firedAt: new Date().toISOString(),
        deployTime,
        customersAffected: { kind: 'unknown' },
        suspectedBlastArea: ['storefront', 'payments'],
      },
    });
    say(`The alert fired (${alert.failures} of ${alert.requests} checkouts failed) and opened ${REF}.`);
    await people.deployer.append(REF, {
      type: 'evidence.add',
      body: {
        kind: 'change',
        summary: 'payments deployed: 1.4.2 -> 1.5.0',
        text: 'Deployed by the delivery pipeline to the demo environment; one replica replaced.',
        service: 'payments',
        environment: 'demo',
        occurredAt: deployTime,
        outcome: 'ok',
        sourceFamily: 'deploy log',
      },
    });
    await people.incidentCommander.append(REF, { type: 'incident.status', body: { status: 'active' } });

    await investigate(options, fleet, operatorToken, people.agent);
    say('The agent has investigated; its tool calls are evidence.');

    const decision = await decide(people.incidentCommander);
    const action = await approvedRollback(people, decision);
    await people.deployer.append(REF, { type: 'action.start', body: { action } });
    await fleet.deployPayments('1.4.2');
    await people.deployer.append(REF, { type: 'action.finish', body: { action, ok: true } });
    await people.deployer.append(REF, {
      type: 'evidence.add',
      body: {
        kind: 'change',
        summary: 'payments rolled back: 1.5.0 -> 1.4.2',
        service: 'payments',
        environment: 'demo',
        occurredAt: new Date().toISOString(),
        outcome: 'ok',
        sourceFamily: 'deploy log',
      },
    });
    await until('the rollback helps', () => shoppers.window(2).requests > 20 && shoppers.window(2).failures === 0);
    const after = shoppers.window(2);
    await people.deployer.append(REF, {
      type: 'action.outcome',
      body: {
        action,
        effect: 'verified',
        text: `${after.failures} of ${after.requests} checkouts failed in the 2 s after it`,
      },
    });
    say('payments is back on 1.4.2; checkouts succeed again.');
    await conclude(people.incidentCommander);
    await load.close();
    load = undefined;

    const missing = await missingFromRecord({
      api: options.api,
      ref: REF,
      dataDirectory: options.dataDirectory,
      secret: operatorToken,
      toolCalls: TOOL_CALLS,
    });
    return { ref: REF, brief: await briefOf(options.api), missing };
  } finally {
    await load?.close();
    await fleet.close();
  }
}

/** How many tools the agent calls in `investigate`. */
const TOOL_CALLS = 8;

function clients(api: string): Readonly<Record<'alerting' | 'deployer' | 'agent' | 'incidentCommander', ApiClient>> {
  const as = (kind: 'human' | 'agent' | 'service', name: string): ApiClient =>
    createClient({ endpoint: `http://${api}`, actor: { kind, name } });
  return {
    alerting: as('service', 'alerting'),
    deployer: as('service', 'delivery-pipeline'),
    agent: as('agent', 'sre-agent'),
    incidentCommander: as('human', 'Ada Okafor'),
  };
}

async function investigate(
  options: DemoOptions,
  fleet: Fleet,
  operatorToken: string,
  record: ApiClient,
): Promise<void> {
  const telemetry = startTelemetry({ service: 'sre-agent', version: '0.3.0', endpoint: options.otlpGrpc });
  const conversationId = randomUUID();
  const http: Tool = {
    name: 'http_request',
    description: 'Sends one HTTP request to a service and returns status and JSON body',
    call: (parameters) => sendHttp(parameters),
  };
  const brief: Tool = {
    name: 'get_incident_brief',
    description: "Reads the incident's brief from Docket",
    call: () => sendHttp({ method: 'GET', url: `http://${options.api}/api/v1/incidents/${REF}/brief` }),
  };
  const getTrace: Tool = {
    name: 'get_trace',
    description: 'Reads the stored spans of one trace from Docket',
    async call(parameters) {
      const url = `http://${options.api}/api/v1/traces/${String(parameters['traceId'])}`;
      // Spans are queryable within a second or two of being sent.
      return retryWhile(
        () => sendHttp({ method: 'GET', url }),
        (result) => result.status === 404 || !spansOf(result).some(failedSpan),
      );
    },
  };
  try {
    await runAgent({ tracer: telemetry.tracer, name: 'sre-agent', conversationId, incident: REF }, async (agent) => {
      await agent.use(brief, { incident: REF });
      agent.think(
        'Checkout fails since a deploy of payments. Which theories fit, and what would refute each?',
        'Inventory may hold its warehouse lock too long; payments 1.5.0 may refuse some charges. Read failing traces first.',
      );
      const inventory = await propose(record, {
        statement: 'inventory holds the warehouse lock too long, so reservations time out and checkout fails',
        predicts: ['failing traces have a failed or slow POST /reserve span'],
        refutedBy: ['failing traces whose POST /reserve span succeeded'],
      });
      const payments = await propose(record, {
        statement: 'payments 1.5.0 cannot charge in JPY, so every JPY checkout fails',
        predicts: ['failing traces have a failed POST /charge span', 'a JPY charge fails while a EUR charge succeeds'],
        refutedBy: ['a JPY charge that succeeds on 1.5.0'],
      });
      const failures = await agent.use(http, {
        method: 'GET',
        url: `${fleet.url('storefront')}/debug/failures`,
        headers: { authorization: `Bearer ${operatorToken}` },
      });
      const [first, second] = failuresOf(failures);
      if (first === undefined || second === undefined) throw new Error('the storefront remembers no failures');
      await read(agent, getTrace, first.traceId, record);
      await read(agent, getTrace, second.traceId, record);
      await agent.use(http, { method: 'GET', url: `${fleet.url('payments')}/version` });
      await agent.use(http, { method: 'GET', url: `${fleet.url('inventory')}/healthz` });

      const check = await record.append(REF, {
        type: 'check.plan',
        body: {
          question: 'Does payments 1.5.0 charge EUR but not JPY?',
          method: 'POST /charge once in each currency',
          predictions: [
            { hypothesis: payments, expected: 'EUR is charged, JPY fails', refutesIf: 'JPY is charged' },
            {
              hypothesis: inventory,
              expected: 'both are charged',
              refutesIf: 'JPY fails without inventory being asked',
            },
          ],
        },
      });
      const euro = await agent.use(http, charge(fleet, 'EUR'));
      const yen = await agent.use(http, charge(fleet, 'JPY'));
      await waitForToolCalls(record);
      const traceEvidence = await evidenceId(record, 'trace');
      const [yenCall] = await toolCallIds(record, 'JPY');
      if (yenCall === undefined) throw new Error('the JPY charge did not become evidence');
      const failed = euro.status === 200 && yen.status === 500;
      await record.append(REF, {
        type: 'check.answer',
        body: {
          check: check.entryId,
          text: `EUR answered ${euro.status}, JPY answered ${yen.status}.`,
          evidence: [yenCall],
          outcomes: [
            { hypothesis: payments, outcome: failed ? 'as_predicted' : 'refuted' },
            { hypothesis: inventory, outcome: failed ? 'refuted' : 'inconclusive' },
          ],
        },
      });
      for (const [evidence, hypothesis, relation, rationale] of [
        [traceEvidence, payments, 'supports', 'its POST /charge span failed with a TypeError'],
        [yenCall, payments, 'supports', 'a JPY charge fails on its own'],
        [traceEvidence, inventory, 'refutes', 'its POST /reserve span succeeded'],
      ] as const) {
        await record.append(REF, {
          type: 'stance.take',
          body: { evidence, hypothesis, relation, strength: 'moderate', rationale },
        });
      }
      await record.append(REF, {
        type: 'hypothesis.reject',
        body: {
          hypothesis: inventory,
          reason: 'Reservations succeed in every failing trace read; charges fail without inventory being asked.',
          killedBy: [traceEvidence, check.entryId],
          reopenIf: 'a failing trace shows a failed reservation',
        },
      });
      await record.append(REF, { type: 'hypothesis.support', body: { hypothesis: payments } });
      await record.append(REF, {
        type: 'hypothesis.confidence',
        body: {
          hypothesis: payments,
          level: 'medium',
          basis: 'Two independent sources, and a check that could have refuted it.',
        },
      });
      agent.think('What should be done?', 'Propose rolling payments back to 1.4.2; a person decides.');
    });
  } finally {
    await telemetry.close();
  }
}

function charge(fleet: Fleet, currency: string): Readonly<Record<string, unknown>> {
  return { method: 'POST', url: `${fleet.url('payments')}/charge`, body: { currency, amount: 1200 } };
}

async function read(agent: Agent, tool: Tool, traceId: string, record: ApiClient): Promise<void> {
  const result = await agent.use(tool, { traceId });
  const failed = spansOf(result).filter(failedSpan);
  const names = failed.map((span) => `${span.service} ${span.name}`);
  await record.append(REF, {
    type: 'evidence.add',
    body: {
      kind: 'trace',
      summary:
        `failing checkout: ${failed.length} failed ${failed.length === 1 ? 'span' : 'spans'} (${[...new Set(names)].join(', ')})`.slice(
          0,
          300,
        ),
      service: 'storefront',
      environment: 'demo',
      traceId,
      outcome: 'error',
      sourceFamily: 'traces of storefront',
    },
  });
}

async function propose(record: ApiClient, body: Readonly<Record<string, string | string[]>>): Promise<string> {
  const { entryId } = await record.append(REF, { type: 'hypothesis.propose', body: { kind: 'cause', ...body } });
  return entryId;
}

/** The agent proposes the rollback, a person approves exactly it; only then may the pipeline start it. */
async function approvedRollback(people: ReturnType<typeof clients>, decision: string): Promise<string> {
  const action = await people.agent.append(REF, {
    type: 'action.propose',
    body: {
      intent: 'Stop the failing checkouts',
      target: 'payments in demo',
      operation: 'deploy version 1.4.2',
      tier: 'mutate',
      expectedEffect: 'no checkout fails within a minute',
      rollback: { plan: 'deploy version 1.5.0 again' },
      decision,
    },
  });
  const approval = await people.agent.append(REF, { type: 'approval.request', body: { action: action.entryId } });
  await people.incidentCommander.append(REF, {
    type: 'approval.vote',
    body: { approval: approval.entryId, verdict: 'approve', reason: 'As decided.' },
  });
  return action.entryId;
}

async function decide(commander: ApiClient): Promise<string> {
  const { hypotheses } = await commander.incident(REF);
  const { entryId } = await commander.append(REF, {
    type: 'decision.make',
    body: {
      question: 'How do we stop the failing checkouts?',
      options: [
        {
          text: 'Roll payments back to 1.4.2',
          for: ['known good', 'takes seconds'],
          against: ['loses what 1.5.0 brought'],
        },
        { text: 'Fix forward in 1.5.1', for: ['keeps 1.5.0'], against: ['checkouts in JPY fail until it is out'] },
      ],
      chosen: 'Roll payments back to 1.4.2',
      rationale:
        'The surviving theory names 1.5.0, the check could have refuted it, and the rollback is quick and reversible.',
      authority: 'incident commander',
      considered: hypotheses.filter((each) => each.live).map((each) => each.id),
    },
  });
  return entryId;
}

async function conclude(commander: ApiClient): Promise<void> {
  await commander.append(REF, {
    type: 'status.post',
    body: {
      happening: 'Checkouts succeed again since payments was rolled back to 1.4.2.',
      believed: 'payments 1.5.0 could not charge in JPY.',
      doing: 'Watching checkouts; the fix is being written.',
      nextUpdateDue: new Date(Date.now() + 30 * 60_000).toISOString(),
    },
  });
  await commander.append(REF, { type: 'incident.status', body: { status: 'mitigated' } });
  await commander.append(REF, {
    type: 'followup.open',
    body: {
      title: 'Give every currency an exponent, and test payments with each one that shoppers use',
      type: 'fix',
      owner: { kind: 'human', name: 'Jun Watanabe', id: null },
      due: new Date(Date.now() + 7 * 24 * 3_600_000).toISOString(),
      requiredProofs: ['regression_check', 'release'],
    },
  });
}

async function briefOf(api: string): Promise<string> {
  const response = await fetch(`http://${api}/api/v1/incidents/${REF}/brief`, {
    headers: { accept: 'text/markdown' },
    signal: AbortSignal.timeout(WAIT_MS_MAX),
  });
  return response.text();
}

async function evidenceId(record: ApiClient, kind: string): Promise<string> {
  const { items } = await record.evidence(REF, { kind, actor: 'sre-agent', limit: '10' });
  const [first] = items;
  if (first === undefined) throw new Error(`no ${kind} evidence in the record`);
  return first.id;
}

async function toolCallIds(record: ApiClient, word: string): Promise<string[]> {
  const { items } = await record.evidence(REF, { kind: 'tool_call', q: word, limit: '10' });
  return items.map((each) => each.id);
}

/** The SDK sends spans in batches: wait until every call made so far is evidence. */
async function waitForToolCalls(record: ApiClient): Promise<void> {
  await until('tool calls become evidence', async () => {
    const { items } = await record.evidence(REF, { kind: 'tool_call', limit: '50' });
    return items.length >= TOOL_CALLS;
  });
}

interface TraceSpan {
  readonly name: string;
  readonly service: string;
  readonly statusCode: string;
}

function failedSpan(span: TraceSpan): boolean {
  return /error/i.test(span.statusCode) && span.name.includes('/charge');
}

function spansOf(result: ToolResult): readonly TraceSpan[] {
  const body = result.body;
  if (body === null || typeof body !== 'object' || !('spans' in body) || !Array.isArray(body.spans)) return [];
  return body.spans as TraceSpan[];
}

function failuresOf(result: ToolResult): readonly Failure[] {
  const body = result.body;
  if (body === null || typeof body !== 'object' || !('failures' in body) || !Array.isArray(body.failures)) return [];
  return body.failures as Failure[];
}

async function sendHttp(parameters: Readonly<Record<string, unknown>>): Promise<ToolResult> {
  const { body } = parameters;
  const response = await fetch(String(parameters['url']), {
    method: parameters['method'] === 'POST' ? 'POST' : 'GET',
    headers: {
      ...(parameters['headers'] as Readonly<Record<string, string>> | undefined),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(5_000),
  });
  return { status: response.status, body: await response.json() };
}

async function retryWhile(
  attempt: () => Promise<ToolResult>,
  again: (result: ToolResult) => boolean,
): Promise<ToolResult> {
  const deadline = Date.now() + WAIT_MS_MAX;
  for (;;) {
    const result = await attempt();
    if (!again(result) || Date.now() > deadline) return result;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

function failureShare(load: Load): number {
  const { requests, failures } = load.window(3);
  return requests === 0 ? 0 : failures / requests;
}

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + WAIT_MS_MAX;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`waited ${WAIT_MS_MAX / 1000} s in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
