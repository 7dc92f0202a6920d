import type { EvidenceRow } from '../evidence.ts';

/** What was asked of which tool, without what it was asked about: `kubectl_get:get(namespace,resource)`. */
export function toolCallShape(row: EvidenceRow): string | undefined {
  if (row.tool === null || row.tool.name === '') return undefined;
  const { verb, argumentsShape } = row.facts;
  const server = row.tool.mcpServer === null ? '' : `${row.tool.mcpServer}/`;
  const operation = typeof verb === 'string' ? `:${verb}` : '';
  return `${server}${row.tool.name}${operation}(${typeof argumentsShape === 'string' ? argumentsShape : ''})`;
}
