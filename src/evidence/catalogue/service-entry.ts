import type { ServiceEntry } from '../../record/service-catalogue.ts';

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
