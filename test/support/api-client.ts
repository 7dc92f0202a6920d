import { expect } from 'vitest';

export interface Json {
  readonly [key: string]: unknown;
}

export interface EvidenceJson {
  readonly id: string;
  readonly kind: string;
  readonly incident: string;
  readonly state: string;
  readonly outcome: string;
  readonly summary: string;
  readonly actor: { readonly kind: string; readonly name: string };
  readonly service: string;
  readonly tool: {
    readonly name: string;
    readonly callId: string | null;
    readonly mcpServer: string | null;
    readonly tier: string;
  } | null;
  readonly model: { readonly name: string } | null;
  readonly tokens: { readonly input: number | null; readonly output: number | null } | null;
  readonly dialect: string;
  readonly trust: string;
  readonly content: Readonly<Record<string, { readonly captured: boolean; readonly value?: string | null }>>;
  readonly link: { readonly mode: string; readonly rule: string } | null;
  readonly source: { readonly traceId: string; readonly spanId: string; readonly alsoSeenAs: readonly string[] };
}

/** Plain HTTP to a running Docket's API, failing the test on an unexpected status. */
export function apiOf(address: string) {
  const url = (path: string): string => `http://${address}/api/v1${path}`;
  return {
    async get(path: string, status = 200): Promise<Json> {
      const response = await fetch(url(path));
      expect(response.status, `GET ${path}`).toBe(status);
      return (await response.json()) as Json;
    },
    async post(
      path: string,
      body: unknown,
      status = 201,
      headers: Readonly<Record<string, string>> = {},
    ): Promise<Json> {
      const response = await fetch(url(path), {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body),
      });
      const text = await response.text();
      expect(response.status, `POST ${path}: ${text}`).toBe(status);
      return JSON.parse(text) as Json;
    },
    /** Every evidence row of the incident, page by page. */
    async evidence(ref: string, query = ''): Promise<EvidenceJson[]> {
      const rows: EvidenceJson[] = [];
      let cursor = '';
      for (let page = 0; page < 100; page += 1) {
        const response = await fetch(url(`/incidents/${ref}/evidence?limit=200${query}${cursor}`));
        expect(response.status).toBe(200);
        const { items, next } = (await response.json()) as { items: EvidenceJson[]; next: string | null };
        rows.push(...items);
        if (next === null) return rows;
        cursor = `&cursor=${encodeURIComponent(next)}`;
      }
      return rows;
    },
  };
}
