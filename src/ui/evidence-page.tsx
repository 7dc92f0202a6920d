import type { EvidenceJson } from '../api/evidence-json.ts';
import { EvidenceTime, ReceivedTime } from './evidence-time.tsx';
import { Outside } from './outside.tsx';
import { Badge, kindWords, outcomeTone, pathTo, Redacted, Time, Who } from './text.tsx';

/** One row of evidence with its redacted content, what was taken out, and where it came from. */
export function EvidencePage({ row, incidentTitle }: { readonly row: EvidenceJson; readonly incidentTitle: string }) {
  const ref = row.incident ?? '';
  return (
    <>
      <p>
        <a href={pathTo('incidents', ref)}>
          {ref}: <Redacted text={incidentTitle} />
        </a>
      </p>
      <h1>
        <Redacted text={row.summary === '' ? kindWords(row.kind) : row.summary} />
      </h1>
      <p>
        <Badge text={kindWords(row.kind)} tone="quiet" /> <Badge text={row.outcome} tone={outcomeTone(row.outcome)} />{' '}
        <Badge text={row.state} tone={row.state === 'linked' ? 'quiet' : 'warn'} />
      </p>
      {row.trust === 'observed' ? null : (
        <p class="notice">
          Trust: {row.trust.replaceAll('_', ' ')}. Read it as what somebody said, not as what happened.
        </p>
      )}
      <dl class="facts">
        <Fact name="When">
          <EvidenceTime row={row} />
        </Fact>
        <Fact name="Received">
          <ReceivedTime row={row} />
        </Fact>
        <Elsewhere row={row} />
        <Fact name="Who">
          <Who actor={row.actor} />
        </Fact>
        <Fact name="Service">{[row.service, row.environment].filter(Boolean).join(', ') || 'not said'}</Fact>
        {row.tool ? (
          <Fact name="Tool">
            {row.tool.name} ({row.tool.tier}
            {row.tool.tierRule === null ? '' : `, by ${row.tool.tierRule}`})
            {row.tool.callId === null ? '' : ` call ${row.tool.callId}`}
            {row.tool.mcpServer === null ? '' : ` on MCP server ${row.tool.mcpServer}`}
          </Fact>
        ) : null}
        {row.model ? (
          <Fact name="Model">
            {row.model.name}
            {row.model.provider === null ? '' : ` (${row.model.provider})`}
            {row.tokens ? `, tokens in ${row.tokens.input ?? '?'}, out ${row.tokens.output ?? '?'}` : ''}
          </Fact>
        ) : null}
        <Fact name="Linked by">
          {row.link
            ? `${row.link.mode}: ${row.link.rule}${row.link.score === 1 ? '' : ` (score ${row.link.score})`}`
            : 'not linked'}
        </Fact>
        {row.verdict === null ? null : (
          <Fact name="Judged">
            {row.verdict.verdict} by <Who actor={row.verdict.by} /> <Time at={row.verdict.at} />
            {row.verdict.reason === null ? null : (
              <>
                : <Redacted text={row.verdict.reason} />
              </>
            )}
          </Fact>
        )}
        <Fact name="Source">
          {row.source.signal}, {row.sourceFamily}
          {row.source.traceId === '' ? null : (
            <>
              {' '}
              <a
                href={`${pathTo('traces', row.source.traceId)}${row.source.spanId === '' ? '' : `#span-${encodeURIComponent(row.source.spanId)}`}`}
              >
                trace {row.source.traceId}
              </a>
              {row.source.spanId === '' ? null : ` span ${row.source.spanId}`}
            </>
          )}
        </Fact>
        {row.source.alsoSeenAs.length > 0 ? <Fact name="Also seen as">{row.source.alsoSeenAs.join(', ')}</Fact> : null}
        {typeof row.facts['asOf'] === 'string' ? (
          <Fact name="Figures as of">
            <Time at={row.facts['asOf']} />
            {row.dialect === 'service_signal' && row.incident !== null ? (
              <>
                {' '}
                <a href={`/api/v1${pathTo('incidents', row.incident, 'evidence', row.id)}/rerun`}>ask again</a>
              </>
            ) : null}
          </Fact>
        ) : null}
        {row.policyVersion === '' ? null : <Fact name="Policy">{row.policyVersion}</Fact>}
        <Fact name="Digest">
          <code>{row.digest}</code>
        </Fact>
      </dl>
      <h2>Content, redacted</h2>
      {Object.keys(row.content).length === 0 ? <p>The sender sent none.</p> : null}
      {Object.entries(row.content).map(([name, content]) => (
        <section aria-labelledby={`content-${name}`}>
          <h3 id={`content-${name}`}>{name}</h3>
          <Content content={content} />
        </section>
      ))}
      <h2>What was taken out</h2>
      {row.redactions.length === 0 ? (
        <p>Nothing.</p>
      ) : (
        <table class="stack">
          <caption>Redactions: the originals were never stored</caption>
          <thead>
            <tr>
              <th scope="col">Where</th>
              <th scope="col">Class</th>
              <th scope="col">Action</th>
              <th scope="col">Bytes</th>
              <th scope="col">Rule</th>
              <th scope="col">Fingerprint</th>
            </tr>
          </thead>
          <tbody>
            {row.redactions.map((redaction) => (
              <tr>
                <th scope="row">
                  <code>{redaction.path}</code>
                </th>
                <td>{redaction.class}</td>
                <td>
                  {redaction.action}
                  {redaction.encodings.length > 0 ? ` (in ${redaction.encodings.join(', ')})` : ''}
                </td>
                <td>{redaction.originalBytes}</td>
                <td>
                  {redaction.rule} v{redaction.ruleVersion}
                </td>
                <td>
                  <code>{redaction.fingerprint}</code>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </>
  );
}

const POINTERS = { runbook: 'Runbook', externalRef: 'Elsewhere' } as const;

/** Where the row's subject is outside of Docket: a runbook, a monitor, a build. */
function Elsewhere({ row }: { readonly row: EvidenceJson }) {
  return (
    <>
      {Object.entries(POINTERS).map(([fact, name]) => {
        const address = row.facts[fact];
        if (typeof address !== 'string') return null;
        return (
          <Fact name={fact === 'externalRef' && row.kind === 'runbook' ? POINTERS.runbook : name}>
            <Outside address={address} />
          </Fact>
        );
      })}
    </>
  );
}

function Content({ content }: { readonly content: EvidenceJson['content'][string] }) {
  if (!content.captured || !('value' in content)) return <p>Not sent.</p>;
  if (content.value === null) {
    return (
      <p>
        <mark>withheld</mark> {content.bytes === null ? '' : `${content.bytes} bytes, `}
        {content.digest === null ? '' : <code>{content.digest}</code>}
      </p>
    );
  }
  return (
    <>
      <pre tabindex={0}>
        <Redacted text={content.value} />
      </pre>
      {content.bytes === null ? null : <p class="quiet">{content.bytes} bytes before redaction</p>}
    </>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children?: unknown }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}
