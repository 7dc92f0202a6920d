import { createHash } from 'node:crypto';
import { KIND_WEIGHTS, type FeatureKind, type IncidentFeature } from '../record/memory/incident-feature.ts';
import type {
  IncidentMemory,
  InvestigationElsewhere,
  RememberedIncident,
  SharedFeature,
  SimilarIncident,
} from '../record/memory/incident-memory.ts';
import type { IncidentOutcome } from '../record/memory/incident-outcome.ts';
import type { Investigation } from '../record/memory/investigation.ts';
import type { Database } from './database.ts';
import { ArrayColumn, FlatColumn, type NativeBlock } from './native/column.ts';
import { showingSql, similarIncidentsSql } from './queries/similar-incidents.ts';

const LIMIT_MAX = 50;
const FEATURES_SHOWN = 20;
const SIGNATURES_MAX = 200;
const INCIDENTS_MAX = 100;
const HEADS_PAGE = 5_000;

/** Of all that an incident shows, how much is compared: the most telling. The rest would cost more than it says. */
const COMPARED_FEATURES = 64;

interface Counted {
  readonly kind: FeatureKind;
  readonly value: string;
  readonly showing: number;
}

interface StoredSimilar {
  readonly incident: string;
  readonly contribution: number;
  /** kind, value, contribution, source there. */
  readonly features: readonly (readonly [FeatureKind, string, number, string])[];
}

/**
 * What is remembered of incidents: `incident_memory` has one row an incident and says which version counts;
 * `incident_features` has the same features ordered by feature, for finding who shows one.
 */
export function createIncidentMemory(database: Database): IncidentMemory {
  async function outcomesOf(
    tenant: string,
    incidents: readonly string[],
  ): Promise<ReadonlyMap<string, IncidentOutcome>> {
    if (incidents.length === 0) return new Map();
    const rows = await database.select<{ incident: string; outcome: string }>(
      `SELECT incident, outcome FROM incident_memory FINAL
WHERE tenant = {tenant:String} AND incident IN {incidents:Array(String)} LIMIT ${LIMIT_MAX}`,
      { tenant, incidents },
    );
    return new Map(rows.map((row) => [row.incident, JSON.parse(row.outcome) as IncidentOutcome]));
  }

  return {
    async put(incidents) {
      if (incidents.length === 0) return;
      const token = createHash('sha256').update(JSON.stringify(incidents)).digest('hex');
      // The memory's row says which version counts, so it comes last: until then the features before it stand.
      const features = featureBlock(incidents);
      if (features.rows > 0) await database.insert('record', 'incident_features', features, token);
      await database.insert('record', 'incident_memory', memoryBlock(incidents), token);
    },
    async similar(tenant, incidentId, limit) {
      if (!Number.isInteger(limit) || limit < 1 || limit > LIMIT_MAX)
        throw new RangeError(`limit must be between 1 and ${LIMIT_MAX}`);
      const [counted, remembered] = await Promise.all([
        database.select<{ incidents: string }>(
          'SELECT toString(count()) AS incidents FROM incident_memory FINAL WHERE tenant = {tenant:String}',
          { tenant },
        ),
        database.select<{ features: string }>(
          `SELECT features FROM incident_memory FINAL
WHERE tenant = {tenant:String} AND incident = {incident:String} LIMIT 1`,
          { tenant, incident: incidentId },
        ),
      ]);
      const incidents = Number(counted[0]?.incidents ?? 0);
      const asked = remembered[0] === undefined ? [] : (JSON.parse(remembered[0].features) as IncidentFeature[]);
      if (asked.length === 0) return { compared: 0, items: [] };
      const showing = new Map(
        (
          await database.select<Counted>(showingSql, {
            tenant,
            keys: asked.map((feature) => keyOf(feature.kind, feature.value)),
          })
        ).map((each) => [keyOf(each.kind, each.value), each.showing]),
      );
      const weighed = asked
        .map((feature) => {
          const shownBy = showing.get(keyOf(feature.kind, feature.value)) ?? 1;
          return { ...feature, showing: shownBy, importance: importanceOf(feature.kind, shownBy, incidents) };
        })
        .sort((one, other) => other.importance * other.weight - one.importance * one.weight);
      const compared = new Map(
        weighed.slice(0, COMPARED_FEATURES).map((feature) => [keyOf(feature.kind, feature.value), feature]),
      );
      // What the incident would score with itself.
      const own = weighed.reduce((sum, { importance, weight }) => sum + importance * weight, 0);
      const matches = await database.select<StoredSimilar>(similarIncidentsSql, {
        tenant,
        incident: incidentId,
        keys: [...compared.keys()],
        factors: [...compared.values()].map(({ importance, weight }) => String(importance * Math.sqrt(weight))),
        features_shown: FEATURES_SHOWN,
        limit,
      });
      const outcomes = await outcomesOf(
        tenant,
        matches.map((each) => each.incident),
      );
      return {
        compared: incidents - 1,
        items: matches.flatMap((each): SimilarIncident[] => {
          const outcome = outcomes.get(each.incident);
          if (outcome === undefined) return [];
          const features = each.features.flatMap(([kind, value, weight, there]): SharedFeature[] => {
            const here = compared.get(keyOf(kind, value));
            return here === undefined
              ? []
              : [{ kind, value, weight: rounded(weight), incidents: here.showing, here: here.source, there }];
          });
          return [{ incident: each.incident, score: rounded(each.contribution / own), features, outcome }];
        }),
      };
    },
    async investigatedElsewhere(tenant, incidentId, signatures) {
      if (signatures.length === 0) return [];
      if (signatures.length > SIGNATURES_MAX) throw new RangeError(`at most ${SIGNATURES_MAX} signatures`);
      const rows = await database.select<{ incident: string; investigations: string }>(
        `SELECT incident, investigations FROM incident_memory FINAL
WHERE tenant = {tenant:String} AND incident != {incident:String}
AND hasAny(investigation_signatures, {signatures:Array(String)})
ORDER BY incident DESC LIMIT ${INCIDENTS_MAX}`,
        { tenant, incident: incidentId, signatures },
      );
      const wanted = new Set(signatures);
      return rows.flatMap(({ incident, investigations }) =>
        (JSON.parse(investigations) as Investigation[])
          .filter((investigation) => wanted.has(investigation.signature))
          .map((investigation): InvestigationElsewhere => ({ incident, investigation })),
      );
    },
    async investigations(tenant, incidentId) {
      const rows = await database.select<{ investigations: string }>(
        `SELECT investigations FROM incident_memory FINAL
WHERE tenant = {tenant:String} AND incident = {incident:String} LIMIT 1`,
        { tenant, incident: incidentId },
      );
      return rows[0] === undefined ? [] : (JSON.parse(rows[0].investigations) as Investigation[]);
    },
    async heads() {
      const heads: { tenant: string; incident: string; seq: number }[] = [];
      let after = { tenant: '', incident: '' };
      for (;;) {
        const rows = await database.select<{ tenant: string; incident: string; seq: string }>(
          `SELECT tenant, incident, toString(head_seq) AS seq FROM incident_memory FINAL
WHERE (tenant, incident) > ({tenant:String}, {incident:String}) ORDER BY tenant, incident LIMIT ${HEADS_PAGE}`,
          after,
        );
        for (const { tenant, incident, seq } of rows) {
          heads.push({ tenant, incident, seq: Number(seq) });
          after = { tenant, incident };
        }
        if (rows.length < HEADS_PAGE) return heads;
      }
    },
  };
}

/** Kind by rarity: `ln(1 + (incidents - showing + 0.5) / (showing + 0.5))`, near nothing for what everybody shows. */
function importanceOf(kind: FeatureKind, showing: number, incidents: number): number {
  return KIND_WEIGHTS[kind] * Math.log(1 + Math.max(0, incidents - showing + 0.5) / (showing + 0.5));
}

function keyOf(kind: FeatureKind, value: string): string {
  return `${kind}\n${value}`;
}

function rounded(value: number): number {
  return Math.round(value * 1e4) / 1e4;
}

function featureBlock(incidents: readonly RememberedIncident[]): NativeBlock {
  const tenant = new FlatColumn('tenant', 'String');
  const kind = new FlatColumn('kind', 'String');
  const value = new FlatColumn('value', 'String');
  const incident = new FlatColumn('incident', 'String');
  const version = new FlatColumn('version', 'UInt64');
  const weight = new FlatColumn('weight', 'Float64');
  const source = new FlatColumn('source', 'String');
  let rows = 0;
  for (const each of incidents) {
    for (const feature of each.features) {
      rows += 1;
      tenant.text(each.tenant);
      kind.text(feature.kind);
      value.text(feature.value);
      incident.text(each.incident);
      version.bigint64(BigInt(each.version));
      weight.float64(feature.weight);
      source.text(feature.source);
    }
  }
  return { rows, columns: [tenant, kind, value, incident, version, weight, source] };
}

function memoryBlock(incidents: readonly RememberedIncident[]): NativeBlock {
  const tenant = new FlatColumn('tenant', 'String');
  const incident = new FlatColumn('incident', 'String');
  const version = new FlatColumn('version', 'UInt64');
  const headSeq = new FlatColumn('head_seq', 'UInt64');
  const features = new FlatColumn('features', 'String');
  const signatures = new ArrayColumn('investigation_signatures', 'String');
  const investigations = new FlatColumn('investigations', 'String');
  const outcome = new FlatColumn('outcome', 'String');
  for (const each of incidents) {
    tenant.text(each.tenant);
    incident.text(each.incident);
    version.bigint64(BigInt(each.version));
    headSeq.bigint64(BigInt(each.headSeq));
    features.text(JSON.stringify(each.features));
    for (const { signature } of each.investigations) signatures.values.text(signature);
    signatures.offsets.total += each.investigations.length;
    signatures.closeRow();
    investigations.text(JSON.stringify(each.investigations));
    outcome.text(JSON.stringify(each.outcome));
  }
  return {
    rows: incidents.length,
    columns: [tenant, incident, version, headSeq, features, signatures, investigations, outcome],
  };
}
