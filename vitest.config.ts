import { defineConfig } from 'vitest/config';

// The default project needs nothing beyond the npm registry. Suites that need Go, Chromium or minutes have configs of
// their own under test/ and their own npm script.
export default defineConfig({
  oxc: { jsx: { runtime: 'automatic', importSource: 'hono/jsx' } },
  test: {
    include: ['src/**/*.test.{ts,tsx}', 'test/**/*.test.{ts,tsx}'],
    exclude: ['test/collector/**', 'test/browser/**', 'test/fault/**', '**/node_modules/**'],
    // chdb opens one data directory per process: each file gets a process of its own.
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    reporters: ['default', './scripts/closing-line-reporter.mjs'],
  },
});
