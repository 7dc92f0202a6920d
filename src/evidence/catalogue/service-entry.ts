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

export interface ServiceCatalogue {
  /** False when no catalogue is configured: then nothing is missing from it either. */
  readonly configured: boolean;
  find(service: string): ServiceEntry | undefined;
}

export const NO_CATALOGUE: ServiceCatalogue = { configured: false, find: () => undefined };

/** What several files say about one service, together. */
export function mergeEntries(one: ServiceEntry, other: ServiceEntry): ServiceEntry {
  return {
    name: one.name,
    owners: [...new Set([...one.owners, ...other.owners])],
    onCall: one.onCall || other.onCall,
    dependsOn: [...new Set([...one.dependsOn, ...other.dependsOn])],
    runbooks: [
      ...one.runbooks,
      ...other.runbooks.filter((link) => !one.runbooks.some((held) => held.url === link.url)),
    ],
    description: one.description || other.description,
    origin: one.origin === other.origin ? one.origin : `${one.origin}, ${other.origin}`,
  };
}
