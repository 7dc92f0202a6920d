import { entryKindOf } from './catalogue.ts';
import type { JsonObject } from './entry-kind.ts';

/** A body that Docket makes itself, with the defaults filled in as for any other. */
export function normalised(type: string, body: JsonObject): JsonObject {
  const result = entryKindOf(type)?.parse(body);
  if (result?.ok !== true) throw new Error(`Docket made a body that ${type} does not allow`);
  return result.parsed.body;
}
