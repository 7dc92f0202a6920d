import type { BlockMemory } from './block-memory.ts';
import { ArrayColumn, FlatColumn, MapArrayColumn, MapColumn, RunColumn, type TableColumn } from './column.ts';
import { createFrameColumns, OutOfRangeTimes, type FrameColumns } from './envelope.ts';
import type { ColumnMaker } from './point-body.ts';

/** The columns of one table under construction: each call makes the next, in the table's order. */
export interface TableColumns extends ColumnMaker {
  readonly columns: readonly TableColumn[];
  map(name: string): MapColumn;
  mapArray(name: string): MapArrayColumn;
  /** UInt32, alike in row after row. */
  run(name: string): RunColumn;
  /** Whose the rows are, when they came and under which policy. */
  frame(): FrameColumns;
  outOfRange(): OutOfRangeTimes;
}

/** @param memory where the columns take theirs from; given back by `release` of each of them */
export function createTableColumns(memory: BlockMemory): TableColumns {
  const columns: TableColumn[] = [];
  const add = <C extends TableColumn>(column: C): C => {
    columns.push(column);
    return column;
  };
  return {
    columns,
    flat: (name, type = 'String') => add(new FlatColumn(name, type, memory)),
    array: (name, type) => add(new ArrayColumn(name, type, memory)),
    map: (name) => add(new MapColumn(name, undefined, memory)),
    mapArray: (name) => add(new MapArrayColumn(name, memory)),
    run: (name) => add(new RunColumn(name, memory)),
    frame() {
      const frame = createFrameColumns(memory);
      columns.push(...frame.columns);
      return frame;
    },
    outOfRange: () => add(new OutOfRangeTimes(memory)),
  };
}
