import { expect, test } from 'vitest';
import { createRecordFixture } from '../../test/support/record-fixture.ts';
import { recordMarkdown } from './record-markdown.ts';

test('the Markdown of a record says how many rows of evidence it has, and none as none', async () => {
  const fixture = await createRecordFixture();
  expect(recordMarkdown(await fixture.record())).toContain('## Latest evidence\n\nNo evidence is filed yet.\n');
  await fixture.evidence({ kind: 'tool_call' });
  expect(recordMarkdown(await fixture.record())).toContain('## Latest evidence\n\n1 row: 1 tool\\_call.\n');
});
