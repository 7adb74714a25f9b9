import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { Report } from '../harness/report.ts';

/** The call of deploy/test/run, which starts the server in a container and says in HIROBA_AT where that is. */
export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  test: {
    include: ['*.test.ts'],
    pool: 'forks',
    maxWorkers: 1,
    testTimeout: 120_000,
    hookTimeout: 60_000,
    reporters: [new Report()],
  },
});
