import { parseAllDocuments } from 'yaml';
import type { RunbookLink, ServiceEntry } from '../../record/service-catalogue.ts';
import { wellFormed } from '../attribute.ts';
import { codeOwners } from './code-owners.ts';
import { mergeEntries } from './service-entry.ts';
import { nestingBeyond } from '../../yaml/nesting.ts';

/** Documents of one file, services of all, items of one list, and collections within one another. */
const DOCUMENTS_MAX = 2_000;
const SERVICES_MAX = 10_000;
const ITEMS_MAX = 50;
const DEPTH_MAX = 64;
const NAME_MAX = 200;

type Fields = Readonly<Record<string, unknown>>;

/** Entries of a catalogue file, by service; and how many of its parts could not be read. */
export interface ParsedCatalogue {
  readonly entries: ReadonlyMap<string, ServiceEntry>;
  readonly unreadable: number;
}

/**
 * Reads one file: `CODEOWNERS` by its name, whatever folder it is in; otherwise YAML, each document either a Backstage entity (`kind: Component`) or
 * `services:` as a map or a list.
 */
export function parseCatalogue(fileName: string, text: string): ParsedCatalogue {
  return /(?:^|[/\\])CODEOWNERS$/.test(fileName) ? ownersOfFolders(text) : yamlCatalogue(fileName, text);
}

function yamlCatalogue(origin: string, text: string): ParsedCatalogue {
  const entries = new Map<string, ServiceEntry>();
  if (nestingBeyond(text, DEPTH_MAX) !== undefined) return { entries, unreadable: 1 };
  const parsed = parseAllDocuments(text, { uniqueKeys: false });
  const documents = 'empty' in parsed ? [] : parsed;
  let unreadable = Math.max(0, documents.length - DOCUMENTS_MAX);
  for (const document of documents.slice(0, DOCUMENTS_MAX)) {
    if (document.errors.length > 0) {
      unreadable += 1;
      continue;
    }
    let value: unknown;
    try {
      value = document.toJS({ maxAliasCount: 100 });
    } catch {
      unreadable += 1;
      continue;
    }
    const fields = fieldsOf(value);
    if (fields === undefined) continue;
    const found = 'kind' in fields ? component(fields, origin) : plainServices(fields, origin);
    for (const entry of found) addEntry(entries, entry);
  }
  return { entries, unreadable };
}

function component(entity: Fields, origin: string): readonly ServiceEntry[] {
  if (entity['kind'] !== 'Component') return [];
  const metadata = fieldsOf(entity['metadata']) ?? {};
  const spec = fieldsOf(entity['spec']) ?? {};
  const annotations = fieldsOf(metadata['annotations']) ?? {};
  const name = nameOf(annotations['opentelemetry.io/service-name']) || nameOf(metadata['name']);
  if (name === '') return [];
  const links = listOf(metadata['links']).flatMap((each): RunbookLink[] => {
    const link = fieldsOf(each);
    const url = urlOf(link?.['url']);
    const title = nameOf(link?.['title']);
    const isRunbook = /runbook|playbook/i.test(`${title} ${nameOf(link?.['type'])} ${url}`);
    return url !== '' && isRunbook ? [{ title: title || 'runbook', url }] : [];
  });
  const annotated = Object.entries(annotations).flatMap(([key, value]): RunbookLink[] => {
    const url = /runbook/i.test(key) ? urlOf(value) : '';
    return url === '' ? [] : [{ title: 'runbook', url }];
  });
  // Not pagerduty.com/integration-key: a key to post with is a secret, no handle.
  const pager = ['pagerduty.com/service-id', 'opsgenie.com/team', 'grafana.com/on-call']
    .map((key) => (nameOf(annotations[key]) === '' ? '' : `${key.split('.')[0] ?? ''}: ${nameOf(annotations[key])}`))
    .find((handle) => handle !== '');
  return [
    {
      name,
      owners: [entityName(spec['owner'])].filter(Boolean),
      onCall: nameOf(annotations['on-call']) || nameOf(annotations['docket/on-call']) || (pager ?? ''),
      dependsOn: listOf(spec['dependsOn']).map(entityName).filter(Boolean),
      runbooks: [...links, ...annotated],
      description: nameOf(metadata['description']),
      origin,
    },
  ];
}

/** `component:default/cart` names cart; `group:default/shop` names shop. */
function entityName(value: unknown): string {
  const text = nameOf(value);
  return text.slice(text.search(/[^:/]+$/));
}

function plainServices(fields: Fields, origin: string): readonly ServiceEntry[] {
  const { services } = fields;
  const listed: readonly (readonly [string, unknown])[] = Array.isArray(services)
    ? (services as unknown[]).map((each) => [nameOf(fieldsOf(each)?.['name']), each] as const)
    : Object.entries(fieldsOf(services) ?? {});
  return listed.slice(0, SERVICES_MAX).flatMap(([key, value]): ServiceEntry[] => {
    const name = nameOf(key);
    const service = fieldsOf(value);
    if (name === '' || service === undefined) return [];
    return [
      {
        name,
        owners: namesOf(service['owners'] ?? service['owner']),
        onCall: nameOf(service['onCall'] ?? service['on_call'] ?? service['oncall'] ?? service['on-call']),
        dependsOn: namesOf(service['dependsOn'] ?? service['depends_on'] ?? service['dependencies']),
        runbooks: listOf(
          service['runbooks'] ?? service['runbook'] ?? service['runbookUrl'] ?? service['runbook_url'],
        ).flatMap((each): RunbookLink[] => {
          const url = urlOf(fieldsOf(each)?.['url'] ?? each);
          return url === '' ? [] : [{ title: nameOf(fieldsOf(each)?.['title']) || 'runbook', url }];
        }),
        description: nameOf(service['description']),
        origin,
      },
    ];
  });
}

function ownersOfFolders(text: string): ParsedCatalogue {
  const entries = new Map<string, ServiceEntry>();
  for (const [name, owners] of codeOwners(text)) {
    const nothing = { onCall: '', dependsOn: [], runbooks: [], description: '' };
    entries.set(name, { name, owners, ...nothing, origin: 'CODEOWNERS' });
  }
  return { entries, unreadable: 0 };
}

/** Adds what another file or document says of a service to what is known of it; a service too many is left out. */
export function addEntry(entries: Map<string, ServiceEntry>, entry: ServiceEntry): void {
  const held = entries.get(entry.name);
  if (held === undefined && entries.size >= SERVICES_MAX) return;
  entries.set(entry.name, held === undefined ? entry : mergeEntries(held, entry));
}

function fieldsOf(value: unknown): Fields | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
}

function listOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return (value as unknown[]).slice(0, ITEMS_MAX);
  return value === undefined || value === null ? [] : [value];
}

function nameOf(value: unknown): string {
  if (typeof value !== 'string') return '';
  return wellFormed(
    value
      .replace(/[\p{Cc}\p{Cs}\s]+/gu, ' ')
      .trim()
      .slice(0, NAME_MAX),
  );
}

function namesOf(value: unknown): readonly string[] {
  return listOf(value).map(nameOf).filter(Boolean);
}

/** Http(s) only: it is shown as a link. */
function urlOf(value: unknown): string {
  return typeof value === 'string' && /^https?:\/\/[^\s<>"]{1,1000}$/i.test(value) ? value : '';
}
