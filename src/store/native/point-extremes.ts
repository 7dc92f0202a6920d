import type { ColumnMaker } from './point-body.ts';

export interface Extremes {
  sum: number | undefined;
  min: number | undefined;
  max: number | undefined;
  begin(): void;
  row(): void;
}

/** Sum, Min and Max with whether they were sent: 0 and absent look alike in the exporter's columns. */
export function createExtremes({ flat }: ColumnMaker): Extremes {
  const sum = flat('Sum', 'Float64');
  const min = flat('Min', 'Float64');
  const max = flat('Max', 'Float64');
  const hasSum = flat('HasSum', 'Bool');
  const hasMin = flat('HasMin', 'Bool');
  const hasMax = flat('HasMax', 'Bool');
  const extremes: Extremes = {
    sum: undefined,
    min: undefined,
    max: undefined,
    begin() {
      extremes.sum = undefined;
      extremes.min = undefined;
      extremes.max = undefined;
    },
    row() {
      sum.float64(extremes.sum ?? 0);
      min.float64(extremes.min ?? 0);
      max.float64(extremes.max ?? 0);
      hasSum.uint8(extremes.sum === undefined ? 0 : 1);
      hasMin.uint8(extremes.min === undefined ? 0 : 1);
      hasMax.uint8(extremes.max === undefined ? 0 : 1);
    },
  };
  return extremes;
}
