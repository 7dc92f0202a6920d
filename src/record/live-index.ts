import { unixNano } from './evidence-by-hand.ts';
import type { BindingSelector, EvidenceLog } from './evidence-log.ts';
import type { EvidenceLink } from './evidence.ts';
import type { IncidentIndex, LinkKeys, ResolvedLink } from './incident-index.ts';
import type { IncidentState } from './incident-state.ts';

/** How certain it is that an act which names a bound trace in what it read or asked belongs to the trace's incident. */
const NAMED_TRACE_SCORE = 0.6;

/** The index as the record service keeps it: `learn` after every durable entry that could change what belongs where. */
export interface LiveIndex extends IncidentIndex {
  idOf(tenant: string, refOrId: string): string | undefined;
  /** The next `INC-<n>` nobody has; holds it until `learn` or `release`. */
  allocateRef(tenant: string): string;
  /** False when somebody has the ref or is about to. */
  reserveRef(tenant: string, ref: string): boolean;
  releaseRef(tenant: string, ref: string): void;
  /** Somebody else has an `INC-<n>` that was allocated here: go on behind it. */
  skipRef(tenant: string, ref: string): void;
  /** Takes in the incident as it is now. Returns what is new: each must be filed before the caller is answered. */
  learn(state: IncidentState): readonly FiledSelector[];
}

export interface FiledSelector {
  readonly selector: BindingSelector;
  readonly link: EvidenceLink;
}

interface Bound {
  readonly incidentId: string;
  readonly selector: BindingSelector;
  readonly link: EvidenceLink;
}

interface TenantIndex {
  readonly ids: Set<string>;
  readonly idByRef: Map<string, string>;
  readonly reserved: Set<string>;
  /** By kind and key: `trace 4bf9…`, `agent sre-agent`. */
  readonly bindings: Map<string, Bound[]>;
  readonly known: Set<string>;
  /** When an incident ended: open windows of agents and services end with it. */
  readonly endedAt: Map<string, bigint>;
  highestNumber: number;
}

interface Change extends FiledSelector {
  readonly version: number;
  readonly tenant: string;
  readonly incidentId: string;
}

export function createLiveIndex(evidenceLog: Pick<EvidenceLog, 'link'>): LiveIndex {
  const tenants = new Map<string, TenantIndex>();
  const changes: Change[] = [];

  function of(tenant: string): TenantIndex {
    let index = tenants.get(tenant);
    if (index === undefined) {
      index = {
        ids: new Set(),
        idByRef: new Map(),
        reserved: new Set(),
        bindings: new Map(),
        known: new Set(),
        endedAt: new Map(),
        highestNumber: 0,
      };
      tenants.set(tenant, index);
    }
    return index;
  }

  function idOf(tenant: string, refOrId: string): string | undefined {
    const index = tenants.get(tenant);
    if (index === undefined) return undefined;
    return index.idByRef.get(refOrId) ?? (index.ids.has(refOrId) ? refOrId : undefined);
  }

  return {
    get version() {
      return changes.length;
    },
    idOf,
    knows: (tenant, refOrId) => idOf(tenant, refOrId) !== undefined,
    allocateRef(tenant) {
      const index = of(tenant);
      let number = index.highestNumber + 1;
      while (index.idByRef.has(`INC-${number}`) || index.reserved.has(`INC-${number}`)) number += 1;
      const ref = `INC-${number}`;
      index.reserved.add(ref);
      return ref;
    },
    reserveRef(tenant, ref) {
      const index = of(tenant);
      if (index.idByRef.has(ref) || index.reserved.has(ref)) return false;
      index.reserved.add(ref);
      return true;
    },
    releaseRef(tenant, ref) {
      of(tenant).reserved.delete(ref);
    },
    skipRef(tenant, ref) {
      const index = of(tenant);
      index.reserved.delete(ref);
      index.highestNumber = Math.max(index.highestNumber, numberOf(ref));
    },
    learn(state) {
      const index = of(state.tenant);
      const added: Bound[] = [];
      if (!index.ids.has(state.id)) {
        index.ids.add(state.id);
        index.idByRef.set(state.ref, state.id);
        index.reserved.delete(state.ref);
        index.highestNumber = Math.max(index.highestNumber, numberOf(state.ref));
        added.push({
          incidentId: state.id,
          selector: { kind: 'ref', refs: [state.ref, state.id] },
          link: { mode: 'explicit', rule: 'attribute incident.id', score: 1 },
        });
      }
      for (const binding of state.bindings.all()) {
        const key = `${state.id} ${binding.rule}`;
        if (index.known.has(key)) continue;
        index.known.add(key);
        const bound: Bound = {
          incidentId: state.id,
          selector: binding.selector,
          link: { mode: 'bound', rule: binding.rule, score: 1 },
        };
        const place = keyOf(binding.selector);
        index.bindings.set(place, [...(index.bindings.get(place) ?? []), bound]);
        added.push(bound);
      }
      if (state.endedAt === null) index.endedAt.delete(state.id);
      else index.endedAt.set(state.id, unixNano(state.endedAt));
      for (const { incidentId, selector, link } of added) {
        changes.push({ version: changes.length + 1, tenant: state.tenant, incidentId, selector, link });
      }
      return added;
    },
    resolve(tenant, keys) {
      const index = tenants.get(tenant);
      if (index === undefined) return [];
      const links = new Map<string, EvidenceLink>();
      for (const ref of keys.refs) {
        const incidentId = idOf(tenant, ref);
        if (incidentId !== undefined)
          offer(links, incidentId, { mode: 'explicit', rule: 'attribute incident.id', score: 1 });
      }
      for (const place of placesOf(keys)) {
        for (const bound of index.bindings.get(place) ?? []) {
          if (covers(bound.selector, keys, index.endedAt.get(bound.incidentId)))
            offer(links, bound.incidentId, bound.link);
        }
      }
      for (const traceId of keys.namedTraceIds) {
        for (const bound of index.bindings.get(`trace ${traceId}`) ?? []) {
          offer(links, bound.incidentId, {
            mode: 'inferred',
            rule: `names trace ${traceId}`,
            score: NAMED_TRACE_SCORE,
          });
        }
      }
      return [...links].map(([incidentId, link]): ResolvedLink => ({ incidentId, link }));
    },
    boundTraces(tenant, incidentId) {
      const found: string[] = [];
      for (const bound of tenants.get(tenant)?.bindings.values() ?? []) {
        for (const { incidentId: of, selector } of bound) {
          if (of === incidentId && selector.kind === 'trace') found.push(selector.traceId);
        }
      }
      return found;
    },
    async relink(sinceVersion) {
      for (const { tenant, incidentId, selector, link } of changes.slice(Math.max(0, sinceVersion))) {
        await evidenceLog.link(tenant, incidentId, selector, link);
      }
    },
  };
}

/** The n of an `INC-<n>`, 0 of any other ref. */
function numberOf(ref: string): number {
  return Number(/^INC-(\d{1,9})$/.exec(ref)?.[1] ?? 0);
}

const STRENGTH = { manual: 3, explicit: 2, bound: 1, inferred: 0 } as const;

function offer(links: Map<string, EvidenceLink>, incidentId: string, link: EvidenceLink): void {
  const held = links.get(incidentId);
  if (held === undefined || STRENGTH[link.mode] > STRENGTH[held.mode]) links.set(incidentId, link);
}

function keyOf(selector: BindingSelector): string {
  switch (selector.kind) {
    case 'trace':
      return `trace ${selector.traceId}`;
    case 'conversation':
      return `conversation ${selector.conversationId}`;
    case 'session':
      return `session ${selector.sessionId}`;
    case 'agent':
      return `agent ${selector.agent}`;
    case 'service':
      return `service ${selector.service}`;
    default:
      return 'ref';
  }
}

function placesOf(keys: LinkKeys): string[] {
  const places: string[] = [];
  if (keys.traceId !== '') places.push(`trace ${keys.traceId}`);
  if (keys.conversationId !== '') places.push(`conversation ${keys.conversationId}`);
  if (keys.sessionId !== '') places.push(`session ${keys.sessionId}`);
  if (keys.agent !== '') places.push(`agent ${keys.agent}`);
  if (keys.service !== '') places.push(`service ${keys.service}`);
  return places;
}

function covers(selector: BindingSelector, keys: LinkKeys, endedAt: bigint | undefined): boolean {
  if (selector.kind !== 'agent' && selector.kind !== 'service') return true;
  const at = keys.occurredAtUnixNano;
  if (selector.fromUnixNano !== null && at < selector.fromUnixNano) return false;
  const to = selector.toUnixNano ?? endedAt;
  if (to !== undefined && at > to) return false;
  return selector.kind === 'agent' || selector.environment === null || selector.environment === keys.environment;
}
