import type { Actor } from './actor.ts';
import type { FieldProblem } from './rejection.ts';

/** What a service catalogue says about one service. */
export interface ServiceEntry {
  /** As in `service.name`. */
  readonly name: string;
  /** Teams or people who own it. */
  readonly owners: readonly string[];
  /** Handle, rota or channel that reaches whoever is on call; `''` when not said. */
  readonly onCall: string;
  readonly dependsOn: readonly string[];
  readonly runbooks: readonly RunbookLink[];
  readonly description: string;
  /** Which file says so: `catalog-info.yaml`, `CODEOWNERS`, … */
  readonly origin: string;
}

export interface RunbookLink {
  readonly title: string;
  readonly url: string;
}

/** One document that was given to the catalogue by API, as it was read. */
export interface CatalogueSource {
  readonly tenant: string;
  /** What the caller calls it; another document under the same name takes its place. */
  readonly source: string;
  readonly fileName: string;
  readonly entries: readonly ServiceEntry[];
  readonly putAt: Date;
  readonly putBy: Actor;
}

/** Keeps what was given by API. Implemented by `store/`. Both writes are idempotent; the latest one counts. */
export interface CatalogueStore {
  put(source: CatalogueSource): Promise<void>;
  remove(tenant: string, source: string, at: Date): Promise<void>;
  /** Every source of every tenant. */
  all(): Promise<readonly CatalogueSource[]>;
}

export type CatalogueTaken =
  | { readonly kind: 'taken'; readonly services: readonly string[]; readonly unreadable: number }
  | { readonly kind: 'invalid'; readonly fields: readonly FieldProblem[] };

/** The service catalogue as its callers see it: documents in, services out. Throws when the store fails. */
export interface CatalogueIntake {
  /**
   * Takes a document in the format its name says: `CODEOWNERS`, or YAML with Backstage entities or `services:`. `unreadable` counts
   * its parts that were left out. One that names no service at all, or has too many sources beside it, is invalid.
   */
  put(tenant: string, actor: Actor, source: string, document: CatalogueDocument): Promise<CatalogueTaken>;
  /** False when there was none. */
  remove(tenant: string, source: string): Promise<boolean>;
  sources(tenant: string): readonly CatalogueSource[];
  /** Services by name, with what all sources and files say of each. */
  services(tenant: string): readonly ServiceEntry[];
}

export interface CatalogueDocument {
  readonly fileName: string;
  readonly text: string;
}
