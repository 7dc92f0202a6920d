import { expect, test } from 'vitest';
import type { CatalogueSource, CatalogueStore } from '../../record/service-catalogue.ts';
import { createLogger } from '../../telemetry/logger.ts';
import { createCatalogueService } from './catalogue-service.ts';

const ALICE = { kind: 'human', name: 'alice', id: null } as const;
const DOCUMENT = { fileName: 'services.yaml', text: 'services:\n  - name: checkout\n    owner: payments\n' };

test('a source that is put while the store is read again is there afterwards', async () => {
  const stored = new Map<string, CatalogueSource>();
  let answer: () => void = () => {};
  const store: CatalogueStore = {
    async put(source) {
      stored.set(source.source, source);
    },
    async remove(_tenant, source) {
      stored.delete(source);
    },
    async all() {
      const rows = [...stored.values()];
      await new Promise<void>((resolve) => (answer = resolve));
      return rows;
    },
  };
  const catalogue = createCatalogueService({
    store,
    scrub: (text) => text,
    logger: createLogger('silent'),
    pollMilliseconds: 0,
  });
  const reading = catalogue.reload();
  expect(await catalogue.put('default', ALICE, 'by-hand', DOCUMENT)).toMatchObject({ kind: 'taken' });
  answer();
  await reading;
  expect(catalogue.services('default').map((each) => each.name)).toEqual(['checkout']);
  const again = catalogue.reload();
  expect(await catalogue.remove('default', 'by-hand')).toBe(true);
  answer();
  await again;
  expect(catalogue.services('default')).toEqual([]);
});
