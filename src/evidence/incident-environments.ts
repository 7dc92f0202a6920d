import type { IncidentSummary } from '../record/incident-record.ts';
import type { SignalReader, SignalScope } from '../record/service-signals.ts';
import { entryIdOf } from './entry-id.ts';
import type { IncidentGaps } from './incident-gaps.ts';

const SUBJECT = 'environments unknown';

/**
 * The scope as its telemetry can be told apart. People write `production` where telemetry says `prod`: when it says nothing of the
 * incident's environments, all of them are compared, and the record says so rather than that nothing happened.
 */
export async function placeInEnvironments(
  scope: SignalScope,
  incident: IncidentSummary,
  of: { readonly signals: Pick<SignalReader, 'environments'>; readonly gaps: IncidentGaps },
): Promise<SignalScope> {
  if (scope.environments.length === 0) return scope;
  const { signals, gaps } = of;
  const said = await signals.environments(scope);
  if (said.some((environment) => scope.environments.includes(environment))) {
    const gap = entryIdOf(scope.tenant, incident.id, SUBJECT);
    const open = await gaps.openAmong(scope.tenant, incident, [gap]);
    if (open.has(gap)) await gaps.fill(scope.tenant, incident, gap, `Telemetry says: ${said.join(', ')}.`, []);
    return scope;
  }
  if (said.length > 0) {
    await gaps.open(scope.tenant, incident, SUBJECT, {
      what: `No telemetry says that it is of ${scope.environments.join(', ')}; it says ${said.join(', ')}. Service signals and changes are of all of them.`,
      kind: 'unanswered',
      why: 'What they show may belong to another environment.',
      blocks: [],
    });
  }
  return { ...scope, environments: [] };
}
