import { parsedJson } from '../otlp/semconv/loose-json.ts';

/** What a tool's MCP annotations say of it: that it only reads, or that it changes something. */
export type ToolHint = 'read' | 'mutate';

const TOOLS_MAX = 4_096;
const TEXT_LENGTH_MAX = 262_144;
const STEPS_MAX = 4_096;

/** The hints of tools that were listed or defined in telemetry, by tenant and tool; what was heard of longest ago goes first. */
export class ToolAnnotations {
  readonly #hints = new Map<string, ToolHint>();

  of(tenant: string, tool: string): ToolHint | undefined {
    return this.#hints.get(`${tenant}\n${tool}`);
  }

  /** Takes in the tools that a listing or definitions (JSON text) annotate; any other text is left alone. */
  learn(tenant: string, text: string): void {
    if (text.length > TEXT_LENGTH_MAX || !/"(?:readOnly|destructive)Hint/.test(text)) return;
    const pending: unknown[] = [parsedJson(text)];
    for (let steps = 0; pending.length > 0 && steps < STEPS_MAX; steps += 1) {
      const value = pending.pop();
      // Some write each tool as JSON within JSON.
      if (typeof value === 'string' && value.includes('Hint"')) pending.push(parsedJson(value));
      if (typeof value !== 'object' || value === null) continue;
      const { name, annotations } = value as { name?: unknown; annotations?: unknown };
      const hint = typeof annotations === 'object' && annotations !== null ? hintOf(annotations) : undefined;
      if (typeof name === 'string' && hint !== undefined) this.#set(`${tenant}\n${name}`, hint);
      else pending.push(...Object.values(value).slice(0, 512));
    }
  }

  #set(key: string, hint: ToolHint): void {
    this.#hints.delete(key);
    this.#hints.set(key, hint);
    if (this.#hints.size <= TOOLS_MAX) return;
    for (const oldest of this.#hints.keys()) {
      this.#hints.delete(oldest);
      break;
    }
  }
}

/** `readOnlyHint` and `destructiveHint` as a hint; undefined when neither is said. */
export function hintOf(annotations: object): ToolHint | undefined {
  const { readOnlyHint, destructiveHint } = annotations as { readOnlyHint?: unknown; destructiveHint?: unknown };
  if (destructiveHint === true) return 'mutate';
  if (readOnlyHint === true) return 'read';
  return readOnlyHint === false ? 'mutate' : undefined;
}
