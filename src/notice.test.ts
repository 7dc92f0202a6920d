import { expect, test } from 'vitest';
import { lateEvidenceNotice } from './notice.ts';

test('evidence that is behind by more than a batch takes is said to be, in a form that people read', () => {
  expect(lateEvidenceNotice(0)).toBeUndefined();
  expect(lateEvidenceNotice(9_999)).toBeUndefined();
  expect(lateEvidenceNotice(125_000)).toBe(
    'EVIDENCE IS 2 min BEHIND: telemetry of the last 2 min is kept, and not among the evidence yet.',
  );
});
