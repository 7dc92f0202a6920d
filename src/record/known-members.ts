import { z } from 'zod';

interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
}

/** Members that an object at `path` of what a schema describes may have; none where it is no object, or one of several. */
export function knownMembers(schema: z.ZodType, path: readonly PropertyKey[]): readonly string[] {
  let at: JsonSchema | undefined = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonSchema;
  for (const key of path) {
    at = typeof key === 'number' ? onlyForm(at)?.items : onlyForm(at)?.properties?.[String(key)];
  }
  return Object.keys(onlyForm(at)?.properties ?? {});
}

/** Of a value that may be null as well, what else it may be. */
function onlyForm(schema: JsonSchema | undefined): JsonSchema | undefined {
  const forms = schema?.anyOf ?? schema?.oneOf;
  if (forms === undefined) return schema;
  const objects = forms.filter((each) => each.properties !== undefined || each.items !== undefined);
  return objects.length === 1 ? objects[0] : undefined;
}
