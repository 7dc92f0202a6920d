/** Ids longer than this are no ids. */
const CALL_ID_LENGTH_MAX = 200;

/**
 * A tool call id as the model issued it. Emitters wrap it: Microsoft's agent framework writes a JSON array of run id and
 * call id, some leave spaces, Google ADK writes `<not specified>`; the last gives `''`.
 */
export function normalisedCallId(value: unknown): string {
  if (Array.isArray(value)) return fromParts(value);
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  if (typeof value !== 'string') return '';
  const trimmed = value.trim();
  if (trimmed.startsWith('[')) {
    try {
      const parts: unknown = JSON.parse(trimmed);
      return Array.isArray(parts) ? fromParts(parts) : '';
    } catch {
      // A redaction marker starts with a bracket too; neither is an id.
      return '';
    }
  }
  if (trimmed.startsWith('<') || trimmed.length > CALL_ID_LENGTH_MAX) return '';
  return trimmed;
}

function fromParts(parts: readonly unknown[]): string {
  const strings = parts.filter((part): part is string => typeof part === 'string').map((part) => part.trim());
  const chosen = strings.find((part) => /^(call|toolu|tooluse|fc)[_-]/.test(part)) ?? strings.at(-1) ?? '';
  return chosen.length > CALL_ID_LENGTH_MAX ? '' : chosen;
}
