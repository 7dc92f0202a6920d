import type { EvidenceJson } from '../api/evidence-json.ts';
import { Outside } from './outside.tsx';
import { pathTo, Redacted } from './text.tsx';

/** Who to call and what to do, as the catalogue says; nothing where it says nothing. */
export function HelpSection({ rows }: { readonly rows: readonly EvidenceJson[] }) {
  const said = rows.filter((row) => row.state !== 'withdrawn' && row.facts['pastSince'] === undefined);
  if (said.length === 0) return null;
  const byService = said.toSorted((a, b) => (`${a.service} ${a.kind}` < `${b.service} ${b.kind}` ? -1 : 1));
  return (
    <section aria-labelledby="help">
      <h2 id="help">Owners and runbooks</h2>
      <ul>
        {byService.map((row) => (
          <li>
            <a href={pathTo('incidents', row.incident ?? '', 'evidence', row.id)}>
              <Redacted text={row.summary} />
            </a>
            {row.kind === 'runbook' ? (
              <>
                {' '}
                <Outside address={row.facts['externalRef']} />
              </>
            ) : null}
          </li>
        ))}
      </ul>
    </section>
  );
}
