import { ProofFailed } from '../cli/policy/tools.ts';
import { ask } from './answer.ts';
import type { Cells } from './cells.ts';

/** Where the Docket under test listens: host:port of each. */
export interface Listeners {
  readonly otlpHttp: string;
  readonly api: string;
}

interface FailingRequest {
  readonly name: string;
  /** With `{secret}` where the canary goes. */
  readonly url: string;
  readonly init: (secret: string) => RequestInit;
}

/**
 * Sends requests that must fail, each with a canary where an error message might quote it; resolves to the answers. Throws
 * ProofFailed when one succeeds: then it tried no error message.
 */
export async function sendFailing(
  { otlpHttp, api }: Listeners,
  cells: Cells,
  incident: string,
): Promise<readonly Buffer[]> {
  const answers: Buffer[] = [];
  for (const { name, url, init } of failingRequests(`http://${otlpHttp}`, `http://${api}`, incident)) {
    const cell = cells.add({ position: `failing ${name}`, column: 0, carrier: 'plain', neighbour: 'any', probe: true });
    const secret = cells.canaries.token(cell);
    const answer = await ask(url.replace('{secret}', encodeURIComponent(secret)), init(secret));
    if (answer.ok) throw new ProofFailed(`the Docket under test accepted a request that must fail: ${name}`);
    answers.push(answer.body, Buffer.from(JSON.stringify([...answer.headers])));
  }
  return answers;
}

function failingRequests(otlpHttp: string, service: string, incident: string): readonly FailingRequest[] {
  const traces = `${otlpHttp}/v1/traces`;
  const api = `${service}/api/v1`;
  const entries = `${api}/incidents/${incident}/entries`;
  const get = (name: string, url: string): FailingRequest => ({ name, url, init: () => ({}) });
  const post = (
    name: string,
    url: string,
    body: (secret: string) => string,
    headers: (secret: string) => Record<string, string> = () => ({ 'content-type': 'application/json' }),
  ): FailingRequest => ({
    name,
    url,
    init: (secret) => ({ method: 'POST', headers: headers(secret), body: body(secret) }),
  });
  return [
    post('OTLP/JSON, broken', traces, (secret) => `{"resourceSpans": [{"${secret}": ${secret}`),
    post('OTLP/JSON, wrong type', traces, (secret) => `{"resourceSpans": [{"scopeSpans": "${secret}"}]}`),
    post('OTLP/JSON, wrong id', traces, (secret) =>
      JSON.stringify({
        resourceSpans: [{ scopeSpans: [{ spans: [{ traceId: secret, spanId: secret, name: secret }] }] }],
      }),
    ),
    post(
      'OTLP/protobuf, broken',
      traces,
      (secret) => `\u0007${secret}`,
      () => ({ 'content-type': 'application/x-protobuf' }),
    ),
    post(
      'OTLP content type',
      traces,
      (secret) => secret,
      (secret) => ({ 'content-type': secret }),
    ),
    post('OTLP path', `${otlpHttp}/v1/{secret}`, () => '{}'),
    post(
      'OTLP header',
      traces,
      () => '{',
      (secret) => ({ 'content-type': 'application/json', authorization: `Bearer ${secret}`, 'x-scope': secret }),
    ),
    get('API path', `${api}/{secret}`),
    get('API incident', `${api}/incidents/{secret}`),
    get('API query', `${api}/incidents?limit={secret}`),
    get('API cursor', `${api}/incidents/${incident}/evidence?cursor={secret}`),
    post('API body, broken', `${api}/incidents`, (secret) => `{"title": ${secret}`),
    post('API body, wrong type', `${api}/incidents`, (secret) => JSON.stringify({ title: [secret] })),
    post('API command type', entries, (secret) => JSON.stringify({ type: secret, body: {} })),
    post('API command body', entries, (secret) =>
      JSON.stringify({ type: 'gap.open', body: { what: 'x', kind: secret, blocks: [secret] } }),
    ),
    get('page', `${service}/incidents/{secret}`),
  ];
}
