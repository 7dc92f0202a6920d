import { defineConfig } from 'vitest/config';

// Runs real OpenTelemetry Collectors (built by test/collector/build.sh) against a real Docket (dist/).
export default defineConfig({
  test: {
    include: ['test/collector/**/*.test.ts'],
    globalSetup: ['test/collector/build.ts'],
    pool: 'forks',
    maxWorkers: 1,
    testTimeout: 120_000,
    hookTimeout: 600_000,
    reporters: ['default', './scripts/closing-line-reporter.mjs'],
  },
});
