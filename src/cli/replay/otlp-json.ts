/** OTLP/JSON as recorded in files: finding the export requests in them, naming an incident on them, slicing by time. */
export type ReplaySignal = 'traces' | 'logs' | 'metrics';

type JsonObject = { [key: string]: unknown };

export interface JsonRequest {
  readonly signal: ReplaySignal;
  /** The export request, `{resourceSpans: […]}` and so on. */
  readonly body: JsonObject;
}

export interface JsonFile {
  readonly requests: readonly JsonRequest[];
  /** Elements of the file that are no export requests. */
  readonly others: number;
}

interface Shape {
  readonly signal: ReplaySignal;
  readonly resources: string;
  readonly scopes: string;
  readonly records: string;
  /** Where a record says when it was over, in order of preference. */
  readonly times: readonly string[];
}

const SHAPES: readonly Shape[] = [
  {
    signal: 'traces',
    resources: 'resourceSpans',
    scopes: 'scopeSpans',
    records: 'spans',
    times: ['endTimeUnixNano', 'startTimeUnixNano'],
  },
  {
    signal: 'logs',
    resources: 'resourceLogs',
    scopes: 'scopeLogs',
    records: 'logRecords',
    times: ['timeUnixNano', 'observedTimeUnixNano'],
  },
  { signal: 'metrics', resources: 'resourceMetrics', scopes: 'scopeMetrics', records: 'metrics', times: [] },
];

/** How deep requests are looked for: a list of `{name, otlp}`, each with a list. */
const NESTING_MAX = 4;

/**
 * Finds the requests of a JSON text: one request, a list of them, or a list of `{test|name, otlp}`. Throws SyntaxError
 * for text that is not JSON. 64-bit numbers keep every digit.
 */
export function readJsonRequests(text: string): JsonFile {
  const requests: JsonRequest[] = [];
  const others = collect(JSON.parse(quoteLongIntegers(text)), requests, 0);
  return { requests, others };
}

/** The same for one JSON value a line, as the Collector's file exporter writes. */
export function readJsonLines(text: string): JsonFile {
  const requests: JsonRequest[] = [];
  let others = 0;
  for (const line of text.split('\n')) {
    if (line.trim() !== '') others += collect(JSON.parse(quoteLongIntegers(line)), requests, 0);
  }
  return { requests, others };
}

/**
 * A double holds 15 digits for sure and OTLP/JSON lets a 64-bit integer be a string: longer ones are quoted before
 * JSON.parse can round them.
 */
function quoteLongIntegers(text: string): string {
  return text.replace(/"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g, (token) =>
    /^-?\d{16,}$/.test(token) ? `"${token}"` : token,
  );
}

function collect(value: unknown, requests: JsonRequest[], depth: number): number {
  if (Array.isArray(value)) {
    if (depth >= NESTING_MAX) return 1;
    return value.reduce<number>((others, element) => others + collect(element, requests, depth + 1), 0);
  }
  if (!isObject(value)) return 1;
  const found = SHAPES.filter(({ resources }) => Array.isArray(value[resources]));
  for (const { signal, resources } of found) requests.push({ signal, body: { [resources]: value[resources] } });
  if (found.length > 0) return 0;
  return value['otlp'] !== undefined && depth < NESTING_MAX ? collect(value['otlp'], requests, depth + 1) : 1;
}

/** Spans, log records or metrics in a request. */
export function countRecords(request: JsonRequest): number {
  let count = 0;
  for (const { records } of scopesOf(request)) count += records.length;
  return count;
}

/** The same request with the incident named on every resource, so that Docket files all of it explicitly. */
export function nameIncident(request: JsonRequest, ref: string): JsonRequest {
  const { resources } = shapeOf(request.signal);
  const named = list(request.body[resources]).map((each) => {
    const entry = isObject(each) ? each : {};
    const resource = isObject(entry['resource']) ? entry['resource'] : {};
    const others = list(resource['attributes']).filter((pair) => !(isObject(pair) && pair['key'] === 'incident.id'));
    const attributes = [...others, { key: 'incident.id', value: { stringValue: ref } }];
    return { ...entry, resource: { ...resource, attributes } };
  });
  return { ...request, body: { [resources]: named } };
}

export interface TimedRequest {
  /** Nanoseconds since the epoch; undefined when the records carry no time. */
  readonly atUnixNano: bigint | undefined;
  readonly request: JsonRequest;
}

/** Cuts a request into one per time window, in order, so that it can be sent at the pace it was recorded. */
export function sliceByTime(request: JsonRequest, windowNano: bigint): readonly TimedRequest[] {
  const { resources, scopes: scopesKey, records: recordsKey, times } = shapeOf(request.signal);
  if (times.length === 0) return [{ atUnixNano: undefined, request }];
  const windows = new Map<bigint, Map<JsonObject, Map<JsonObject, unknown[]>>>();
  for (const { resource, scope, records } of scopesOf(request)) {
    for (const record of records) {
      const at = timeOf(record, times) ?? 0n;
      const key = at - (at % windowNano);
      const byResource = mapIn(windows, key);
      const byScope = mapIn(byResource, resource);
      const slice = byScope.get(scope) ?? [];
      slice.push(record);
      byScope.set(scope, slice);
    }
  }
  return [...windows]
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([at, byResource]) => ({
      atUnixNano: at === 0n ? undefined : at,
      request: {
        signal: request.signal,
        body: {
          [resources]: [...byResource].map(([resource, byScope]) => ({
            ...resource,
            [scopesKey]: [...byScope].map(([scope, records]) => ({ ...scope, [recordsKey]: records })),
          })),
        },
      },
    }));
}

function mapIn<K, InnerK, InnerV>(outer: Map<K, Map<InnerK, InnerV>>, key: K): Map<InnerK, InnerV> {
  const inner = outer.get(key) ?? new Map<InnerK, InnerV>();
  outer.set(key, inner);
  return inner;
}

function* scopesOf(request: JsonRequest): Generator<{ resource: JsonObject; scope: JsonObject; records: unknown[] }> {
  const shape = shapeOf(request.signal);
  for (const resource of list(request.body[shape.resources])) {
    if (!isObject(resource)) continue;
    for (const scope of list(resource[shape.scopes])) {
      if (isObject(scope)) yield { resource, scope, records: list(scope[shape.records]) };
    }
  }
}

function timeOf(record: unknown, names: readonly string[]): bigint | undefined {
  if (!isObject(record)) return undefined;
  for (const name of names) {
    const value = record[name];
    const digits = typeof value === 'number' ? String(value) : value;
    if (typeof digits === 'string' && /^\d{1,20}$/.test(digits) && digits !== '0') return BigInt(digits);
  }
  return undefined;
}

function shapeOf(signal: ReplaySignal): Shape {
  const shape = SHAPES.find((each) => each.signal === signal);
  if (!shape) throw new RangeError(`no OTLP signal is called ${signal}`);
  return shape;
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
