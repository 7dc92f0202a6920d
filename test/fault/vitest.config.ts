import { defineConfig } from 'vitest/config';

const root = `${import.meta.dirname}/../..`;

const shared = {
  root,
  oxc: { jsx: { runtime: 'automatic', importSource: 'hono/jsx' } },
} as const;

const limits = { pool: 'forks', testTimeout: 900_000, hookTimeout: 120_000 } as const;

// Suites that kill processes and break disks for minutes: `npm run test:faults`.
export default defineConfig({
  ...shared,
  test: {
    globalSetup: ['test/fault/counts.ts'],
    reporters: ['default', `${root}/scripts/closing-line-reporter.mjs`],
    projects: [
      {
        ...shared,
        test: {
          ...limits,
          name: 'faults',
          include: ['test/fault/**/*.test.ts'],
          exclude: ['test/fault/overload/**'],
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        // Alone on the machine: what runs beside it would be what it measures.
        ...shared,
        test: {
          ...limits,
          name: 'overload',
          include: ['test/fault/overload/**/*.test.ts'],
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
