import { expect, test } from 'vitest';
import { contentKey } from '../otlp/semconv/content-keys.ts';
import { CONTENT_EXAMPLES } from './content-example.ts';

test.each(Object.entries(CONTENT_EXAMPLES))('%s has an example key of that class', (contentClass, key) => {
  expect(contentKey(key)?.class).toBe(contentClass);
});
