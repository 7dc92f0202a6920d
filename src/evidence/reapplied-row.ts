import type { EvidenceContent, EvidenceRedaction, EvidenceRow } from '../record/evidence.ts';
import { summaryWith } from './summary.ts';
import { TextsAgain, type RedactRequest } from './texts-again.ts';

export interface ReappliedRow {
  readonly row: EvidenceRow;
  readonly redactions: readonly EvidenceRedaction[];
}

const FACT = 'docket.fact.';
/** Facts that hold no words: what the rules of the record compare by. */
const WORDLESS_FACTS: ReadonlySet<string> = new Set(['salt', 'erased', 'verb']);

/** Trace ids that a row names are kept where its content still shows them, or where they are ids of traces. */
export function shownTraceIds(
  ids: readonly string[],
  content: Readonly<Record<string, EvidenceContent>>,
  isTrace: (id: string) => boolean,
): readonly string[] {
  // Earlier versions took them out of what detectors had not seen yet: a key can look just like one.
  const texts = Object.values(content).flatMap(({ value }) => value?.toLowerCase() ?? []);
  return ids.filter((id) => texts.some((text) => text.includes(id)) || isTrace(id));
}

/**
 * The row with its content redacted again, as a record of the same service, tool and kind would be, and its words scrubbed.
 * Ids, times, links and the digest stay; the new redactions stand behind those it had. `isTrace` tells ids of stored traces.
 */
export function reappliedRow(
  row: EvidenceRow,
  redact: RedactRequest,
  isTrace: (id: string) => boolean = () => false,
): ReappliedRow {
  const texts = new TextsAgain(
    {
      kind: row.kind,
      signal: row.source.signal,
      service: row.service,
      toolName: row.tool?.name ?? null,
      incident: row.incident,
      traceId: row.source.traceId,
      spanId: row.source.spanId,
    },
    redact,
  );
  const content = texts.content(row.content);
  const words = new Map([['docket.summary', summaryWith(row, content)]]);
  const keep = (key: string, value: string | null | undefined): void => {
    if (value !== null && value !== undefined && value !== '') words.set(key, value);
  };
  keep('docket.actor.name', row.actor.name);
  keep('docket.actor.id', row.actor.id);
  keep('docket.actor.on_behalf_of', row.actor.onBehalfOf);
  keep('docket.environment', row.environment);
  keep('docket.tool.call', row.tool?.callId);
  const facts = { ...row.facts };
  const { traceIds } = facts;
  if (Array.isArray(traceIds)) {
    const shown = shownTraceIds(traceIds as readonly string[], content, isTrace);
    if (shown.length > 0) facts['traceIds'] = shown;
    else delete facts['traceIds'];
  }
  for (const [name, fact] of Object.entries(facts)) {
    if (WORDLESS_FACTS.has(name)) continue;
    const each = typeof fact === 'string' ? [fact] : fact;
    for (const [index, text] of each.entries()) keep(`${FACT}${name}.${index}`, text);
  }
  const said = texts.words(words);
  const factOf = (name: string, fact: string | readonly string[]): string | readonly string[] => {
    if (WORDLESS_FACTS.has(name)) return fact;
    if (typeof fact === 'string') return said.of(`${FACT}${name}.0`, fact);
    return fact.map((text, index) => said.of(`${FACT}${name}.${index}`, text));
  };
  return {
    redactions: texts.redactions,
    row: {
      ...row,
      content,
      summary: said.of('docket.summary', row.summary),
      service: said.service,
      environment: said.of('docket.environment', row.environment),
      actor: {
        ...row.actor,
        name: said.of('docket.actor.name', row.actor.name),
        id: row.actor.id === null ? null : said.of('docket.actor.id', row.actor.id),
        ...(row.actor.onBehalfOf === undefined
          ? {}
          : { onBehalfOf: said.of('docket.actor.on_behalf_of', row.actor.onBehalfOf) }),
      },
      tool:
        row.tool === null
          ? null
          : {
              ...row.tool,
              name: said.toolName,
              callId: row.tool.callId === null ? null : said.of('docket.tool.call', row.tool.callId),
            },
      redactions: [...row.redactions, ...texts.redactions],
      facts: Object.fromEntries(Object.entries(facts).map(([name, fact]) => [name, factOf(name, fact)])),
      policyVersion: texts.policyVersion,
    },
  };
}
