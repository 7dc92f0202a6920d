import type { Contribution } from './contribution.ts';
import { shownTraceIds } from './reapplied-row.ts';
import type { SpanContext } from './span-tree.ts';
import { TextsAgain, type RedactRequest } from './texts-again.ts';

/** What `storedContribution` begins the identity of a contribution with that it made of a stored row. */
const STORED = 'stored ';

/**
 * What a record said about an act, redacted again under the policy in force, as `reappliedRow` does it for the row. Content that is in
 * the store alone stays the very same.
 */
export function reappliedContribution(contribution: Contribution, redact: RedactRequest): Contribution {
  const { tool, facts, references } = contribution;
  const texts = new TextsAgain(
    {
      kind: contribution.kind,
      signal: contribution.signal,
      service: contribution.service,
      toolName: tool?.name ?? null,
      incident: contribution.refs[0] ?? contribution.resourceRefs[0] ?? '',
      traceId: contribution.traceId,
      spanId: contribution.spanId,
    },
    redact,
  );
  const content = texts.content(contribution.content);
  // What a stored row names may have been taken out of a text by an earlier version.
  const traceIds =
    facts?.traceIds === undefined || !contribution.identity.startsWith(STORED)
      ? facts?.traceIds
      : shownTraceIds(facts.traceIds, content, () => false);
  const words = new Map<string, string>();
  const keep = (key: string, value: string | undefined): void => {
    if (value !== undefined && value !== '') words.set(key, value);
  };
  keep('docket.actor.name', contribution.agentName);
  keep('docket.actor.id', contribution.agentId);
  keep('docket.environment', contribution.environment);
  keep('docket.detail', contribution.detail);
  keep('docket.tool.call', tool?.callId);
  keep('docket.fact.argumentsShape.0', facts?.argumentsShape);
  for (const [name, pointer] of references) keep(`docket.fact.${name}Reference.0`, pointer);
  for (const [index, ref] of (facts?.incidentRefs ?? []).entries()) keep(`docket.fact.incidentRefs.${index}`, ref);
  const said = texts.words(words);
  return {
    ...contribution,
    content,
    service: said.service,
    agentName: said.of('docket.actor.name', contribution.agentName),
    agentId: said.of('docket.actor.id', contribution.agentId),
    environment: said.of('docket.environment', contribution.environment),
    detail: said.of('docket.detail', contribution.detail),
    references: new Map(
      [...references].map(([name, pointer]) => [name, said.of(`docket.fact.${name}Reference.0`, pointer)]),
    ),
    tool: tool === null ? null : { ...tool, name: said.toolName, callId: said.of('docket.tool.call', tool.callId) },
    facts:
      facts === undefined
        ? undefined
        : {
            ...facts,
            ...(facts.argumentsShape !== undefined && {
              argumentsShape: said.of('docket.fact.argumentsShape.0', facts.argumentsShape),
            }),
            ...(traceIds !== undefined && { traceIds }),
            ...(facts.incidentRefs !== undefined && {
              incidentRefs: facts.incidentRefs.map((ref, index) => said.of(`docket.fact.incidentRefs.${index}`, ref)),
            }),
          },
    redactions: [...contribution.redactions, ...(texts.redactions as Contribution['redactions'])],
    policyVersion: texts.policyVersion,
  };
}

/** Who acts, for what runs under a span, redacted again. */
export function reappliedAgent(
  context: Pick<SpanContext, 'agentName' | 'agentId'>,
  redact: RedactRequest,
): Pick<SpanContext, 'agentName' | 'agentId'> {
  const { agentName, agentId } = context;
  if (agentName + agentId === '') return context;
  const words = new Map<string, string>();
  if (agentName !== '') words.set('docket.actor.name', agentName);
  if (agentId !== '') words.set('docket.actor.id', agentId);
  const subject = { kind: 'agent_run', signal: 'traces', service: '', toolName: null, incident: '' } as const;
  const said = new TextsAgain({ ...subject, traceId: '', spanId: '' }, redact).words(words);
  return { agentName: said.of('docket.actor.name', agentName), agentId: said.of('docket.actor.id', agentId) };
}
