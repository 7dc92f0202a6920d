import { createClient } from '../api/client.ts';
import { filesHolding } from './living-folder.ts';

const ANSWER_WITHIN_MS = 30_000;

export interface RecordChecks {
  readonly api: string;
  readonly ref: string;
  readonly dataDirectory: string;
  /** What one tool argument carried and nothing may hold now. */
  readonly secret: string;
  readonly toolCalls: number;
}

/** What the record of the demo should show and does not, in words. */
export async function missingFromRecord(checks: RecordChecks): Promise<string[]> {
  const missing: string[] = [];
  const want = (holds: boolean, what: string): void => {
    if (!holds) missing.push(what);
  };
  const client = createClient({ endpoint: `http://${checks.api}` });
  const record = await client.incident(checks.ref);
  want(
    record.triggers.length === 1 && record.triggers[0]?.deployTime !== null,
    'the trigger with the time of the deploy',
  );
  want(
    record.hypotheses.some((each) => each.state === 'rejected'),
    'a rejected hypothesis',
  );
  want(
    record.hypotheses.some((each) => each.state === 'supported'),
    'a surviving hypothesis',
  );
  want(
    record.checks.some((each) => each.state === 'answered'),
    'an answered check',
  );
  want(record.decisions.length === 1, 'the decision');
  want(
    record.actions.length === 1 &&
      record.actions[0]?.outcome?.effect === 'verified' &&
      record.approvals[0]?.state === 'consumed',
    'the approved rollback with its outcome',
  );
  want(record.statusUpdates.length > 0, 'a status update');
  want(record.followUps.length === 1, 'a follow-up');

  const { items: changes } = await client.evidence(checks.ref, { kind: 'change' });
  for (const what of ['payments deployed: 1.4.2 -> 1.5.0', 'payments rolled back: 1.5.0 -> 1.4.2']) {
    want(
      changes.some((row) => row.summary === what),
      `change evidence: ${what}`,
    );
  }
  // Docket adds rows of its own from the services' telemetry; the agent's are the ones it read.
  const { items: allTraces } = await client.evidence(checks.ref, { kind: 'trace' });
  const traces = allTraces.filter((row) => row.actor.name === 'sre-agent');
  want(traces.length === 2, 'two failing traces');
  for (const { source } of traces) {
    const stored = await client.trace(source.traceId);
    want(
      stored.spans.some((span) => span.service === 'payments'),
      `the spans of failing trace ${source.traceId}`,
    );
  }
  const { items: toolCalls } = await client.evidence(checks.ref, { kind: 'tool_call', limit: '100' });
  want(toolCalls.length === checks.toolCalls, `${checks.toolCalls} tool calls (there are ${toolCalls.length})`);
  want(
    toolCalls.every((row) => row.content['arguments']?.captured === true && row.content['result']?.captured === true),
    'arguments and result of each tool call',
  );
  want(
    toolCalls.some(
      (row) => row.redactions.length > 0 && JSON.stringify(row.content['arguments']).includes('[redacted:'),
    ),
    'the tool call whose argument was redacted',
  );
  want((await client.evidence(checks.ref, { kind: 'model_call' })).items.length > 0, 'model calls');
  want((await client.evidence(checks.ref, { kind: 'agent_run' })).items.length > 0, 'the agent run');

  for (const path of [
    `/api/v1/incidents/${checks.ref}`,
    `/api/v1/incidents/${checks.ref}/evidence?limit=200`,
    `/incidents/${checks.ref}`,
    '/metrics',
  ]) {
    const text = await (
      await fetch(`http://${checks.api}${path}`, { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) })
    ).text();
    want(!text.includes(checks.secret), `the secret to be absent from ${path}`);
  }
  for (const file of filesHolding(checks.dataDirectory, [Buffer.from(checks.secret)]))
    missing.push(`the secret to be absent from ${file}`);
  return missing;
}
