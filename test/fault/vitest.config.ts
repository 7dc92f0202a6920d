import { defineConfig } from 'vitest/config';

// Suites that kill processes and break disks for minutes: `npm run test:faults`.
export default defineConfig({
  root: `${import.meta.dirname}/../..`,
  oxc: { jsx: { runtime: 'automatic', importSource: 'hono/jsx' } },
  test: {
    include: ['test/fault/**/*.test.ts'],
    globalSetup: ['test/fault/counts.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 900_000,
    hookTimeout: 120_000,
    reporters: ['default', `${import.meta.dirname}/../../scripts/closing-line-reporter.mjs`],
  },
});
