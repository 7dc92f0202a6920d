import { createCanaries, neighbourOf, type Canaries, type Carrier } from './canary.ts';

/** One canary: where it was put, and what must become of the text beside it. */
export interface Cell {
  readonly position: string;
  /** Index of the column. */
  readonly column: number;
  readonly carrier: string;
  /** What must become of the neighbour: `stays`, `goes` (the policy takes the value out), `any` where either is right. */
  readonly neighbour: 'stays' | 'goes' | 'any';
  /** Failing requests come to nothing by design. */
  readonly probe: boolean;
}

/** The canaries of one run, by their numbers. */
export interface Cells {
  readonly canaries: Canaries;
  readonly all: readonly Cell[];
  /** The number of the new cell, which its canary and its neighbour carry. */
  add(cell: Cell): number;
  /** Says that the service did not take the cell's text in: that its canary is nowhere says nothing then. */
  refused(number: number): void;
  readonly untaken: ReadonlySet<number>;
  /** The cell's canary in its carrier, its neighbour beside it. */
  text(number: number, carrier: Carrier): string;
}

export function createCells(): Cells {
  const canaries = createCanaries();
  const all: Cell[] = [];
  const untaken = new Set<number>();
  return {
    canaries,
    all,
    add: (cell) => all.push(cell) - 1,
    refused: (number) => void untaken.add(number),
    untaken,
    text: (number, carrier) =>
      carrier.carry(carrier.kind === 'token' ? canaries.token(number) : canaries.email(number), neighbourOf(number)),
  };
}
