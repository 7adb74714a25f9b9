import type { UserConsoleLog } from 'vitest';
import type { Reporter, SerializedError, TestCase, TestModule } from 'vitest/node';
import type { Measurement } from './measure.ts';

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

const targetOf = ({ atMost, atLeast, unit }: Measurement): string => {
  if (atMost !== undefined) return `at most ${atMost} ${unit}`;
  return atLeast === undefined ? '' : `at least ${atLeast} ${unit}`;
};

const isMissed = ({ value, atMost, atLeast }: Measurement): boolean =>
  !(value <= (atMost ?? Infinity) && value >= (atLeast ?? -Infinity));

/** Prints each test as it ends, then everything that was measured with its target, and how many tests passed. */
export class Report implements Reporter {
  readonly #measurements: Measurement[] = [];
  #passed = 0;
  #failed = 0;
  #startMs = performance.now();

  onTestRunStart(): void {
    this.#startMs = performance.now();
  }

  onTestCaseResult(test: TestCase): void {
    const { state, errors = [] } = test.result();
    if (state === 'skipped') return;
    if (state === 'passed') this.#passed++;
    else this.#failed++;
    this.#measurements.push(...(test.meta().measurements ?? []));
    const took = seconds(test.diagnostic()?.duration ?? 0);
    console.log(`${state === 'passed' ? '  ok  ' : ' FAIL '} ${test.fullName} (${took})`);
    for (const error of errors) console.log(words(error));
  }

  onUserConsoleLog({ content }: UserConsoleLog): void {
    process.stdout.write(content);
  }

  onTestModuleEnd(module: TestModule): void {
    for (const error of [...module.errors(), ...[...module.children.suites()].flatMap((suite) => suite.errors())]) {
      this.#failed++;
      console.log(` FAIL  ${module.relativeModuleId}\n${words(error)}`);
    }
  }

  onTestRunEnd(_modules: readonly TestModule[], errors: readonly SerializedError[]): void {
    for (const error of errors) {
      this.#failed++;
      console.log(` FAIL  outside of a test\n${words(error)}`);
    }
    if (this.#measurements.length > 0) {
      console.log('\nMeasured:');
      const width = Math.max(...this.#measurements.map(({ what }) => what.length));
      for (const measurement of this.#measurements) {
        const { what, value, unit } = measurement;
        const target = targetOf(measurement);
        const number = `${Number.isInteger(value) ? value : value.toFixed(1)} ${unit}`;
        const verdict = target === '' ? '' : `${isMissed(measurement) ? 'MISSED' : 'ok'}, ${target}`;
        console.log(`  ${what.padEnd(width)}  ${number.padStart(12)}  ${verdict}`.trimEnd());
      }
    }
    console.log(`\nBrowser tests took ${seconds(performance.now() - this.#startMs)}.`);
    console.log(`${this.#passed} passed, ${this.#failed} failed`);
  }
}

/** What went wrong, and where in our files. */
function words({ message, stack = '' }: { readonly message: string; readonly stack?: string | undefined }): string {
  const places = stack.split('\n').filter((line) => line.includes('/e2e/') && !line.includes('node_modules'));
  return [message, ...places.slice(0, 4)]
    .map((line) => `       ${line.trim().replaceAll('\n', '\n       ')}`)
    .join('\n');
}
