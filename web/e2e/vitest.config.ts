import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import type { TestSpecification } from 'vitest/node';
import { Report } from './harness/report.ts';

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  test: {
    include: ['tests/**/*.test.ts'],
    // What is still being built (layers, other browsers) runs with `make e2e-all` only.
    exclude: process.env['HIROBA_E2E_ALL'] === '1' ? [] : ['tests/layers.test.ts', 'tests/firefox.test.ts'],
    // Browsers need the whole machine, so one file runs after the other, and always in the same order.
    pool: 'forks',
    maxWorkers: 1,
    fileParallelism: false,
    sequence: {
      sequencer: class {
        shard(files: TestSpecification[]): Promise<TestSpecification[]> {
          return Promise.resolve(files);
        }
        sort(files: TestSpecification[]): Promise<TestSpecification[]> {
          return Promise.resolve(files.toSorted((a, b) => (a.moduleId < b.moduleId ? -1 : 1)));
        }
      },
    },
    testTimeout: 120_000,
    hookTimeout: 60_000,
    reporters: [new Report()],
  },
});
