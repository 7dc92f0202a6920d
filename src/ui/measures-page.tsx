import type { AgentMeasures, RecordMeasures, Share } from '../record/memory/record-measures.ts';
import { counted, duration, pathTo, Redacted } from './text.tsx';

const LISTED_MAX = 100;

export interface MeasuresPageProps {
  readonly measures: RecordMeasures;
  readonly agents: AgentMeasures;
}

/** The four measures of the record, and what people made of what agents said. */
export function MeasuresPage({ measures, agents }: MeasuresPageProps) {
  const { timeToContext, handoffQuality, followThrough, explainedChanges } = measures;
  return (
    <>
      <h1>Measures</h1>
      <p class="quiet">
        From the logs of {counted(measures.measured, 'incident')}
        {measures.truncated ? ', the newest' : ''};{' '}
        {measures.imported === 0 ? 'none is' : `${measures.imported} more are`} imported and not measured.{' '}
        <a href="/api/v1/metrics/record">JSON, with the ids behind each number</a>
      </p>
      <ul>
        <li>
          Time to context:{' '}
          {timeToContext.medianSeconds === null
            ? 'no incident had a hypothesis with evidence yet'
            : `median ${spell(timeToContext.medianSeconds)}, worst ${spell(timeToContext.worstSeconds ?? 0)}`}
          ; {timeToContext.notReached} without
        </li>
        <li>
          Handoff quality: {shareText(handoffQuality, 'handoffs accepted as offered and left in peace')};{' '}
          {handoffQuality.reopenedWithinHour} questions reopened within an hour
        </li>
        <li>
          Follow-through: {shareText(followThrough, 'follow-ups closed with proof')}; {followThrough.overdue} overdue,{' '}
          {followThrough.repeatedChecks} checks asked again
        </li>
        <li>
          Explained changes: {shareText(explainedChanges, 'changes with a complete chain of reasons')};{' '}
          {explainedChanges.unapproved} unapproved
        </li>
      </ul>
      <h2>By incident</h2>
      {measures.incidents.length === 0 ? <p>None yet.</p> : null}
      {measures.incidents.length === 0 ? null : (
        <div class="scroll" tabindex={0} role="region" aria-label="By incident">
          <table class="measures">
            <caption>{measures.incidents.length > LISTED_MAX ? `The newest ${LISTED_MAX}` : 'Newest first'}</caption>
            <thead>
              <tr>
                <th scope="col">Incident</th>
                <th scope="col">Time to context</th>
                <th scope="col">Handoffs</th>
                <th scope="col">Follow-ups with proof</th>
                <th scope="col">Changes explained</th>
              </tr>
            </thead>
            <tbody>
              {measures.incidents.slice(0, LISTED_MAX).map((each) => (
                <tr>
                  <th scope="row">
                    <a href={pathTo('incidents', each.incident.ref)}>{each.incident.ref}</a>:{' '}
                    <Redacted text={each.incident.title} />
                  </th>
                  <td>{each.timeToContext.seconds === null ? 'not reached' : spell(each.timeToContext.seconds)}</td>
                  <td>
                    {each.handoffs.clean.count} of {each.handoffs.accepted.count}
                  </td>
                  <td>
                    {each.followThrough.closedWithProof.count} of {each.followThrough.followUps.count}
                  </td>
                  <td>
                    {each.explainedChanges.explained.count} of {each.explainedChanges.changes.count}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <h2>Agents</h2>
      {agents.agents.length === 0 ? <p>No agent has claimed anything yet.</p> : null}
      <ul>
        {agents.agents.map((each) => (
          <li>
            {each.agent.name}: {each.grade === null ? 'not judged yet' : `${Math.round(each.grade * 100)} % stood`},{' '}
            {counted(each.claims, 'claim')}, {each.judged} judged: {each.upheld} upheld, {each.edited} edited,{' '}
            {each.overturned} overturned
          </li>
        ))}
      </ul>
    </>
  );
}

function spell(seconds: number): string {
  return seconds < 60 ? `${Math.round(seconds)} s` : duration(seconds * 1000);
}

function shareText({ share, of, count }: Share, what: string): string {
  return share === null ? `nothing to count yet (${what})` : `${Math.round(share * 100)} %, ${count} of ${of} ${what}`;
}
