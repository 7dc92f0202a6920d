/** OTLP/JSON requests made by tests. Ids are derived from a number, so that what was sent can be looked for. */
export function traceId(number: number): string {
  return (number + 1).toString(16).padStart(32, '0');
}

export function spanId(number: number): string {
  return (number + 1).toString(16).padStart(16, '0');
}

export interface JsonAttribute {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

export function attribute(key: string, value: string): JsonAttribute {
  return { key, value: { stringValue: value } };
}

export interface SpanOptions {
  readonly name?: string;
  readonly attributes?: readonly JsonAttribute[];
}

/** A traces request with one span a number, each in a trace of its own. */
export function tracesRequest(service: string, numbers: readonly number[], options: SpanOptions = {}): unknown {
  const now = BigInt(Date.now()) * 1_000_000n;
  return {
    resourceSpans: [
      {
        resource: { attributes: [attribute('service.name', service)] },
        scopeSpans: [
          {
            scope: { name: 'docket.test', version: '1' },
            spans: numbers.map((number) => ({
              traceId: traceId(number),
              spanId: spanId(number),
              name: options.name ?? 'GET /item',
              kind: 2,
              startTimeUnixNano: String(now),
              endTimeUnixNano: String(now + 1_000_000n),
              attributes: [attribute('http.route', '/item'), ...(options.attributes ?? [])],
              status: {},
            })),
          },
        ],
      },
    ],
  };
}

export function logsRequest(service: string, bodies: readonly string[]): unknown {
  const now = BigInt(Date.now()) * 1_000_000n;
  return {
    resourceLogs: [
      {
        resource: { attributes: [attribute('service.name', service)] },
        scopeLogs: [
          {
            scope: { name: 'docket.test' },
            logRecords: bodies.map((body) => ({
              timeUnixNano: String(now),
              severityNumber: 9,
              severityText: 'INFO',
              body: { stringValue: body },
            })),
          },
        ],
      },
    ],
  };
}

export function metricsRequest(service: string, name: string, values: readonly number[]): unknown {
  const now = BigInt(Date.now()) * 1_000_000n;
  return {
    resourceMetrics: [
      {
        resource: { attributes: [attribute('service.name', service)] },
        scopeMetrics: [
          {
            scope: { name: 'docket.test' },
            metrics: [
              {
                name,
                unit: '1',
                gauge: {
                  dataPoints: values.map((value, index) => ({
                    timeUnixNano: String(now + BigInt(index)),
                    asDouble: value,
                  })),
                },
              },
            ],
          },
        ],
      },
    ],
  };
}

export interface PostAnswer {
  readonly status: number;
  readonly body: string;
}

/** Posts one OTLP/JSON request; status 0 when nobody answered. */
export async function postJson(
  address: string,
  signal: 'traces' | 'logs' | 'metrics',
  body: unknown,
): Promise<PostAnswer> {
  try {
    const response = await fetch(`http://${address}/v1/${signal}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(30_000),
    });
    return { status: response.status, body: await response.text() };
  } catch (error) {
    return { status: 0, body: error instanceof Error ? error.message : 'failed' };
  }
}

/** Asks again until `found` is true of the answer, at most `withinMs`. Returns the last answer. */
export async function eventually<T>(
  ask: () => Promise<T>,
  found: (answer: T) => boolean,
  withinMs = 15_000,
): Promise<T> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const answer = await ask();
    if (found(answer) || Date.now() > deadline) return answer;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
