import type { IncidentFeature, FeatureKind } from './incident-feature.ts';
import type { IncidentOutcome } from './incident-outcome.ts';
import type { Investigation } from './investigation.ts';

/** Everything that is remembered of one incident, derived from its log and its evidence and replaced as a whole. */
export interface RememberedIncident {
  readonly tenant: string;
  readonly incident: string;
  /** The newest wins: milliseconds since the epoch when it was derived. */
  readonly version: number;
  /** The entry it was derived at. */
  readonly headSeq: number;
  readonly features: readonly IncidentFeature[];
  readonly investigations: readonly Investigation[];
  readonly outcome: IncidentOutcome;
}

/** A feature that two incidents share. */
export interface SharedFeature {
  readonly kind: FeatureKind;
  readonly value: string;
  /** What it adds to the score. */
  readonly weight: number;
  /** How many of the tenant's incidents show it. */
  readonly incidents: number;
  /** Entry or evidence id in the incident asked about, and in the other. */
  readonly here: string;
  readonly there: string;
}

export interface SimilarIncident {
  readonly incident: string;
  /** 0 to 1: the weight of what is shared over the weight of all that the incident asked about shows. */
  readonly score: number;
  /** Strongest first, at most 20. */
  readonly features: readonly SharedFeature[];
  readonly outcome: IncidentOutcome;
}

export interface SimilarIncidents {
  /** Incidents of the tenant that were compared, without the one asked about. */
  readonly compared: number;
  readonly items: readonly SimilarIncident[];
}

export interface InvestigationElsewhere {
  readonly incident: string;
  readonly investigation: Investigation;
}

/**
 * Where what is remembered is kept. Contract: `put` replaces an incident's memory when its version is not older; nothing is
 * ever answered across tenants; an incident that is not remembered is similar to none.
 */
export interface IncidentMemory {
  put(incidents: readonly RememberedIncident[]): Promise<void>;
  /** The incidents most like it, best first. `limit` 1 to 50. */
  similar(tenant: string, incidentId: string, limit: number): Promise<SimilarIncidents>;
  /** Investigations of other incidents with one of these signatures; at most 200 signatures and 100 incidents. */
  investigatedElsewhere(
    tenant: string,
    incidentId: string,
    signatures: readonly string[],
  ): Promise<readonly InvestigationElsewhere[]>;
  investigations(tenant: string, incidentId: string): Promise<readonly Investigation[]>;
  /** Every remembered incident with the entry it was derived at. */
  heads(): Promise<readonly { readonly tenant: string; readonly incident: string; readonly seq: number }[]>;
}
