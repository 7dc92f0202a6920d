import type { Brief } from '../record/brief/brief.ts';
import type { IncidentRecord, IncidentSummary } from '../record/incident-record.ts';
import type { Appended, Command, IncidentPage, OpenIncident } from '../record/record-service.ts';
import type { PolicyApplicationStatus } from '../record/policy-application.ts';
import type { StoredReceipt } from '../record/receipt-reader.ts';
import type { StoredTrace } from '../record/telemetry-reader.ts';
import type { EvidenceJson } from './evidence-json.ts';
import type { HealthReport } from './health.ts';
import type { Problem } from './problem.ts';

/** The service could not be reached, or did not answer in time. */
export class ServiceUnreachable extends Error {
  readonly endpoint: string;

  constructor(endpoint: string, cause: unknown) {
    super(`no Docket answers at ${endpoint} (${reasonOf(cause)})`, { cause });
    this.name = 'ServiceUnreachable';
    this.endpoint = endpoint;
  }
}

/** The service answered with an error. */
export class ApiError extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(`${problem.detail} (${problem.code})`);
    this.name = 'ApiError';
    this.problem = problem;
  }
}

export interface ClientOptions {
  /** Where the API listens, `http://127.0.0.1:8400`. */
  readonly endpoint: string;
  readonly token?: string;
  /** Who acts, where the service runs without authentication. */
  readonly actor?: { readonly kind: 'human' | 'agent' | 'service' | 'import'; readonly name: string };
  /** How long one answer may take; 30 s unless said. */
  readonly timeoutMs?: number;
}

export interface EvidenceListing {
  readonly items: readonly EvidenceJson[];
  readonly next: string | null;
}

export interface ReceiptListing {
  readonly items: readonly StoredReceipt[];
  /** True when there are more than were given. */
  readonly truncated: boolean;
}

export interface EvidenceReceipts extends ReceiptListing {
  readonly evidence: {
    readonly id: string;
    readonly kind: string;
    readonly summary: string;
    readonly traceId: string;
    readonly policyVersion: string;
  };
}

/** Where applying the policy to what is stored stands. */
export type PolicyApplication = PolicyApplicationStatus;

/** Figures of a service signal: as they were told, and what its query gives now. */
export interface SignalFigures {
  readonly evidence: string;
  readonly asOf: string | null;
  readonly told: unknown;
  readonly now: readonly Readonly<Record<string, unknown>>[];
  readonly more: boolean;
  readonly query: string;
}

/** A typed client of the HTTP API. Every method throws `ServiceUnreachable` or `ApiError`. */
export interface ApiClient {
  readiness(): Promise<HealthReport & { readonly version: string }>;
  openIncident(request: OpenIncident): Promise<IncidentSummary & { readonly filed?: number }>;
  incidents(query?: Readonly<Record<string, string>>): Promise<IncidentPage>;
  incident(refOrId: string): Promise<IncidentRecord>;
  /** The record as Markdown. */
  incidentMarkdown(refOrId: string): Promise<string>;
  /** The signed bundle of the incident, byte for byte. */
  bundle(refOrId: string): Promise<string>;
  /** True when the service knows the incident. */
  hasIncident(refOrId: string): Promise<boolean>;
  brief(refOrId: string, since?: number): Promise<Brief>;
  append(refOrId: string, command: Command): Promise<Appended>;
  bind(refOrId: string, binding: Readonly<Record<string, string>>): Promise<Appended>;
  evidence(refOrId: string, query?: Readonly<Record<string, string>>): Promise<EvidenceListing>;
  /** Asks the query of a service signal again. */
  signalFigures(refOrId: string, evidenceId: string): Promise<SignalFigures>;
  trace(traceId: string): Promise<StoredTrace>;
  /** Redaction receipts of a trace, or of one span of it. */
  receipts(traceId: string, spanId?: string): Promise<ReceiptListing>;
  receiptsOfEvidence(evidenceId: string): Promise<EvidenceReceipts>;
  /** Starts applying the policy in force to what was stored since then (RFC 3339). */
  applyPolicy(since: string): Promise<PolicyApplication>;
  /** Where the latest application stands. */
  policyApplication(): Promise<PolicyApplication>;
}

const TIMEOUT_MS = 30_000;
/** Largest answer read, in bytes. */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;

export function createClient(options: ClientOptions): ApiClient {
  const endpoint = options.endpoint.replace(/\/+$/, '');

  async function request(method: 'GET' | 'POST', path: string, extra: RequestExtra = {}): Promise<Response> {
    const headers = new Headers({ accept: extra.accept ?? 'application/json' });
    if (options.token !== undefined) headers.set('authorization', `Bearer ${options.token}`);
    if (options.actor) {
      headers.set('x-docket-actor', encodeURIComponent(options.actor.name));
      headers.set('x-docket-actor-kind', options.actor.kind);
    }
    if (extra.body !== undefined) headers.set('content-type', 'application/json');
    try {
      return await fetch(`${endpoint}${path}`, {
        method,
        headers,
        redirect: 'error',
        signal: AbortSignal.timeout(options.timeoutMs ?? TIMEOUT_MS),
        ...(extra.body === undefined ? {} : { body: JSON.stringify(extra.body) }),
      });
    } catch (error) {
      throw new ServiceUnreachable(endpoint, error);
    }
  }

  async function text(response: Response): Promise<string> {
    if (Number(response.headers.get('content-length') ?? 0) > ANSWER_BYTES_MAX) {
      await response.body?.cancel();
      throw new ServiceUnreachable(endpoint, new Error('the answer is larger than 64 MiB'));
    }
    try {
      return await response.text();
    } catch (error) {
      throw new ServiceUnreachable(endpoint, error);
    }
  }

  /** The body of a 2xx answer (or one of `also`); anything else is thrown as it deserves. */
  async function answer(response: Response, also: readonly number[] = []): Promise<string> {
    const body = await text(response);
    if (response.ok || also.includes(response.status)) return body;
    throw new ApiError(problemOf(response.status, body));
  }

  async function json<T>(
    method: 'GET' | 'POST',
    path: string,
    extra?: RequestExtra,
    also?: readonly number[],
  ): Promise<T> {
    const body = await answer(await request(method, path, extra), also);
    try {
      return JSON.parse(body) as T;
    } catch (error) {
      throw new ServiceUnreachable(endpoint, new Error('what answers is not Docket', { cause: error }));
    }
  }

  const incidentPath = (refOrId: string): string => `/api/v1/incidents/${encodeURIComponent(refOrId)}`;

  return {
    readiness: () => json('GET', '/readyz', {}, [503]),
    openIncident: (body) => json('POST', '/api/v1/incidents', { body }),
    incidents: (query) => json('GET', `/api/v1/incidents${queryText(query)}`),
    incident: (refOrId) => json('GET', incidentPath(refOrId)),
    async incidentMarkdown(refOrId) {
      return answer(await request('GET', incidentPath(refOrId), { accept: 'text/markdown' }));
    },
    signalFigures: (refOrId, evidenceId) =>
      json('GET', `${incidentPath(refOrId)}/evidence/${encodeURIComponent(evidenceId)}/rerun`),
    async bundle(refOrId) {
      return answer(
        await request('GET', `${incidentPath(refOrId)}/bundle`, { accept: 'application/vnd.in-toto+json' }),
      );
    },
    async hasIncident(refOrId) {
      const response = await request('GET', incidentPath(refOrId));
      if (response.status === 404) {
        await response.body?.cancel();
        return false;
      }
      await answer(response);
      return true;
    },
    brief: (refOrId, since) =>
      json('GET', `${incidentPath(refOrId)}/brief${since === undefined ? '' : `?since=${since}`}`),
    append: (refOrId, body) => json('POST', `${incidentPath(refOrId)}/entries`, { body }),
    bind: (refOrId, body) => json('POST', `${incidentPath(refOrId)}/bindings`, { body }),
    evidence: (refOrId, query) => json('GET', `${incidentPath(refOrId)}/evidence${queryText(query)}`),
    trace: (traceId) => json('GET', `/api/v1/traces/${encodeURIComponent(traceId)}`),
    receipts: (traceId, spanId) =>
      json('GET', `/api/v1/receipts${queryText({ traceId, ...(spanId === undefined ? {} : { spanId }) })}`),
    receiptsOfEvidence: (evidenceId) => json('GET', `/api/v1/receipts/evidence/${encodeURIComponent(evidenceId)}`),
    applyPolicy: (since) => json('POST', '/api/v1/policy/applications', { body: { since } }),
    policyApplication: () => json('GET', '/api/v1/policy/applications/latest'),
  };
}

interface RequestExtra {
  readonly accept?: string;
  readonly body?: unknown;
}

function queryText(query: Readonly<Record<string, string>> = {}): string {
  const text = new URLSearchParams(query).toString();
  return text === '' ? '' : `?${text}`;
}

function problemOf(status: number, body: string): Problem {
  try {
    const parsed: unknown = JSON.parse(body);
    if (typeof parsed === 'object' && parsed !== null && 'code' in parsed && 'detail' in parsed)
      return parsed as Problem;
  } catch {
    // Not a problem document: a proxy in between answered.
  }
  return {
    type: 'about:blank',
    title: 'Error',
    status,
    code: 'http.unexpected',
    detail: `The answer was HTTP ${status} without a description.`,
  };
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error';
  if (error.name === 'TimeoutError') return 'no answer in time';
  const { cause } = error;
  if (cause instanceof Error) return 'code' in cause ? String(cause.code) : cause.message;
  return error.message;
}
