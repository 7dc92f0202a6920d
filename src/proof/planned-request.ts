import type { ContentClass } from '../otlp/semconv/content-keys.ts';
import { SIGNALS, type Signal } from '../otlp/signal.ts';
import { CARRIERS, neighbourOf } from './canary.ts';
import type { Cell, Cells } from './cells.ts';
import { CONTENT_EXAMPLES } from './content-example.ts';
import { attributeRequest, positionsOf } from './position.ts';

/** An export request full of canaries. */
export interface PlannedRequest {
  readonly signal: Signal;
  readonly bytes: Buffer;
}

/** What the policy does with content of a class, under a key of it. */
export type TreatmentOf = (contentClass: string, key: string) => string;

const CELLS_PER_REQUEST = 100;
/** Actions that take a whole value out, neighbours and all. */
const WHOLE: ReadonlySet<string> = new Set(['withhold', 'drop', 'mask', 'pseudonym']);
/** The last column: ordinary words under a key of content, which the policy may take whole. */
const CONTENT_COLUMN = CARRIERS.length;

/** The columns of the matrix. */
export const COLUMNS: readonly string[] = [...CARRIERS.map((each) => each.name), 'content'];

/**
 * Export requests with a canary in each position and carrier, a hundred cells each: protobuf messages joined are one message.
 *
 * @param incident what the records name, so that they become evidence of it
 */
export function planRequests(cells: Cells, treatmentOf: TreatmentOf, incident: string): readonly PlannedRequest[] {
  return SIGNALS.flatMap((signal) => {
    const bodies = positionBodies(signal, cells, treatmentOf, incident);
    if (signal === 'traces') bodies.push(...contentBodies(cells, treatmentOf, incident));
    const planned: PlannedRequest[] = [];
    for (let at = 0; at < bodies.length; at += CELLS_PER_REQUEST) {
      planned.push({ signal, bytes: Buffer.concat(bodies.slice(at, at + CELLS_PER_REQUEST)) });
    }
    return planned;
  });
}

/** Every place of the signal's messages where text can be, in every carrier. */
function positionBodies(signal: Signal, cells: Cells, treatmentOf: TreatmentOf, incident: string): Buffer[] {
  return positionsOf(signal).flatMap((position) =>
    CARRIERS.map((carrier, column) => {
      const cell = cells.add({
        position: `${signal} ${position.name}`,
        column,
        carrier: carrier.name,
        neighbour: position.unknownField ? 'any' : expectedAt(position.name, treatmentOf),
        probe: false,
      });
      return position.build(cells.text(cell, carrier), { cell, incident, toolCall: true });
    }),
  );
}

/** A key of every class of content, in every carrier and with ordinary words. */
function contentBodies(cells: Cells, treatmentOf: TreatmentOf, incident: string): Buffer[] {
  // The keys of a record over ContentClass, which Object.entries does not say.
  const examples = Object.entries(CONTENT_EXAMPLES) as [ContentClass, string][];
  return examples.flatMap(([contentClass, key]) => {
    const planned = { position: `content ${contentClass}`, probe: false };
    const carried = CARRIERS.map((carrier, column) => {
      const cell = cells.add({ ...planned, column, carrier: carrier.name, neighbour: 'any' });
      return attributeRequest(key, cells.text(cell, carrier), { cell, incident, toolCall: false });
    });
    const cell = cells.add({
      ...planned,
      column: CONTENT_COLUMN,
      carrier: 'ordinary words',
      neighbour: WHOLE.has(treatmentOf(contentClass, key)) ? 'goes' : 'any',
    });
    const text = `the note of ${neighbourOf(cell)} says nothing secret`;
    return [...carried, attributeRequest(key, text, { cell, incident, toolCall: false })];
  });
}

/** Whether the policy takes whole values of this position. */
function expectedAt(position: string, treatmentOf: TreatmentOf): Cell['neighbour'] {
  const contentClass = position.startsWith('LogRecord.body')
    ? 'log.body'
    : position.startsWith('Span.status')
      ? 'error.text'
      : undefined;
  if (contentClass === undefined) return 'stays';
  return WHOLE.has(treatmentOf(contentClass, '')) ? 'goes' : 'stays';
}
