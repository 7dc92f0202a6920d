import type {
  BindingSelector,
  EvidenceFilter,
  EvidenceLog,
  EvidencePageRequest,
} from '../../src/record/evidence-log.ts';
import type { EvidenceRow } from '../../src/record/evidence.ts';

export interface MemoryEvidenceLog extends EvidenceLog {
  readonly rows: Map<string, EvidenceRow>;
}

/** An EvidenceLog that forgets when the process ends. */
export function createMemoryEvidenceLog(): MemoryEvidenceLog {
  const rows = new Map<string, EvidenceRow>();
  const keyOf = (row: Pick<EvidenceRow, 'tenant' | 'incident' | 'id'>) => `${row.tenant}\n${row.incident}\n${row.id}`;
  const of = (tenant: string, incident: string) =>
    [...rows.values()].filter((row) => row.tenant === tenant && row.incident === incident);

  function page(found: readonly EvidenceRow[], request: EvidencePageRequest) {
    const matching = found
      .filter((row) => matches(row, request))
      .sort((one, other) =>
        one.occurredAtUnixNano === other.occurredAtUnixNano
          ? one.id < other.id
            ? 1
            : -1
          : one.occurredAtUnixNano < other.occurredAtUnixNano
            ? 1
            : -1,
      );
    const from = request.cursor === undefined ? 0 : Number(request.cursor);
    const items = matching.slice(from, from + request.limit);
    const end = from + items.length;
    return { items, next: end < matching.length ? String(end) : null };
  }

  function fileUnder(
    tenant: string,
    incident: string,
    found: readonly EvidenceRow[],
    link: EvidenceRow['link'],
  ): number {
    let filed = 0;
    for (const row of found) {
      const linked: EvidenceRow = { ...row, incident, state: 'linked', link };
      if (!rows.has(keyOf(linked))) {
        rows.set(keyOf(linked), linked);
        filed += 1;
      }
      rows.delete(`${tenant}\n\n${row.id}`);
    }
    return filed;
  }

  return {
    rows,
    async put(added) {
      for (const row of added) {
        const held = rows.get(keyOf(row));
        if (held === undefined || held.receivedAtUnixNano <= row.receivedAtUnixNano) rows.set(keyOf(row), row);
      }
    },
    async page(tenant, incidentId, request) {
      return page(of(tenant, incidentId), request);
    },
    async unfiled(tenant, request) {
      return page(of(tenant, ''), request);
    },
    async get(tenant, incidentId, evidenceId) {
      return rows.get(`${tenant}\n${incidentId}\n${evidenceId}`);
    },
    async copies(tenant, incidentIds, evidenceIds) {
      return incidentIds.flatMap((incident) =>
        evidenceIds.flatMap((id) => rows.get(`${tenant}\n${incident}\n${id}`) ?? []),
      );
    },
    async contents(tenant, evidenceIds) {
      const found = [...rows.values()].filter((row) => row.tenant === tenant && evidenceIds.includes(row.id));
      return new Map(found.map((row) => [row.id, row.content]));
    },
    async existing(tenant, incidentId, evidenceIds) {
      return new Set(evidenceIds.filter((id) => rows.has(`${tenant}\n${incidentId}\n${id}`)));
    },
    async counts(tenant, incidentId) {
      const byKind: Record<string, number> = {};
      const agents = new Set<string>();
      const found = of(tenant, incidentId);
      for (const row of found) {
        byKind[row.kind] = (byKind[row.kind] ?? 0) + 1;
        if (row.actor.kind === 'agent') agents.add(row.actor.name);
      }
      return { total: found.length, byKind, agents: [...agents].sort() };
    },
    async link(tenant, incidentId, selector, link) {
      const found = [...rows.values()].filter((row) => row.tenant === tenant && selects(selector, row));
      return fileUnder(tenant, incidentId, found, link);
    },
    async file(tenant, incidentId, evidenceIds, link) {
      const found = of(tenant, '').filter((row) => evidenceIds.includes(row.id));
      return fileUnder(tenant, incidentId, found, link);
    },
    async remove(tenant, evidenceIds) {
      for (const row of rows.values()) {
        if (row.tenant === tenant && evidenceIds.includes(row.id)) rows.delete(keyOf(row));
      }
    },
    async toolCalls(tenant, traceIds) {
      return [...rows.values()].filter(
        (row) => row.tenant === tenant && row.kind === 'tool_call' && traceIds.includes(row.source.traceId),
      );
    },
  };
}

function matches(row: EvidenceRow, filter: EvidenceFilter): boolean {
  if (filter.kinds !== undefined && !filter.kinds.includes(row.kind)) return false;
  if (filter.actor !== undefined && filter.actor !== row.actor.name) return false;
  if (filter.service !== undefined && filter.service !== row.service) return false;
  if (filter.outcome !== undefined && filter.outcome !== row.outcome) return false;
  if (filter.fromUnixNano !== undefined && row.occurredAtUnixNano < filter.fromUnixNano) return false;
  if (filter.toUnixNano !== undefined && row.occurredAtUnixNano > filter.toUnixNano) return false;
  const words = (filter.q ?? '').toLowerCase().split(/\s+/).filter(Boolean);
  const text = [row.summary, ...Object.values(row.content).map((each) => each.value ?? '')].join('\n');
  if (filter.anyOf !== undefined && !filter.anyOf.some((each) => text.includes(each))) return false;
  const haystack = text.toLowerCase();
  return words.every((word) => haystack.includes(word));
}

function selects(selector: BindingSelector, row: EvidenceRow): boolean {
  switch (selector.kind) {
    case 'trace':
      return row.source.traceId === selector.traceId;
    case 'conversation':
      return row.conversationId === selector.conversationId;
    case 'session':
      return row.sessionId === selector.sessionId;
    case 'agent':
      return row.actor.kind === 'agent' && row.actor.name === selector.agent && within(selector, row);
    case 'service':
      return (
        row.service === selector.service &&
        (selector.environment === null || row.environment === selector.environment) &&
        within(selector, row)
      );
    default:
      return row.namedRefs.some((ref) => selector.refs.includes(ref));
  }
}

function within(
  window: { readonly fromUnixNano: bigint | null; readonly toUnixNano: bigint | null },
  row: EvidenceRow,
): boolean {
  const at = row.occurredAtUnixNano;
  return (
    (window.fromUnixNano === null || at >= window.fromUnixNano) &&
    (window.toUnixNano === null || at <= window.toUnixNano)
  );
}
