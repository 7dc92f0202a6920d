import { ProofFailed } from '../cli/policy/tools.ts';
import { ask } from './answer.ts';
import { CARRIERS } from './canary.ts';
import type { Cells } from './cells.ts';

/** What a person may type in a title or a summary. */
const SHORT_TEXT_MAX = 300;

/** The status by which a service refuses text that its field cannot hold, such as one with control characters. */
const UNFIT = 422;

/**
 * Types a canary in every carrier into each kind of text that people and agents enter through the API; resolves to the
 * answers. Text that a field cannot hold is told to `cells`. Throws ProofFailed when plain text is refused, or anything for
 * another reason: then its silence would prove nothing.
 *
 * @param api host:port
 */
export async function typeText(api: string, cells: Cells, incident: string): Promise<readonly Buffer[]> {
  const answers: Buffer[] = [];
  for (const [column, carrier] of CARRIERS.entries()) {
    const type = async (what: string, path: string, body: (text: string) => unknown): Promise<void> => {
      const planned = { column, carrier: carrier.name, neighbour: 'any', probe: false } as const;
      const cell = cells.add({ ...planned, position: `typed ${what}` });
      const answer = await ask(`http://${api}/api/v1${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body(cells.text(cell, carrier))),
      });
      answers.push(answer.body);
      if (answer.ok) return;
      if (answer.status !== UNFIT || column === 0) {
        throw new ProofFailed(`the Docket under test refused a typed ${what} (HTTP ${answer.status})`);
      }
      cells.refused(cell);
    };
    const enter = (what: string, kind: string, body: (text: string) => unknown): Promise<void> =>
      type(what, `/incidents/${incident}/entries`, (text) => ({ type: kind, body: body(text) }));
    await type('incident title', '/incidents', (text) => ({ title: text.slice(0, SHORT_TEXT_MAX) }));
    await enter('gap', 'gap.open', (what) => ({ what }));
    await enter('hypothesis', 'hypothesis.propose', (statement) => ({ statement }));
    await enter('status', 'status.post', (happening) => ({ happening, believed: 'nothing yet' }));
    await enter('note', 'evidence.add', (text) => ({ kind: 'note', summary: text.slice(0, SHORT_TEXT_MAX) }));
  }
  return answers;
}
