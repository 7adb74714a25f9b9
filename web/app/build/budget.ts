import { gzipSync } from 'node:zlib';
import type { Plugin } from 'vite';

/** What a build may weigh: the first load is what somebody waits for who was sent a link. */
export interface Budget {
  /** All scripts together, in bytes after gzip. */
  readonly totalBytes: number;
  /** The scripts that the first page loads (the entry and what it imports statically), in bytes after gzip. */
  readonly firstBytes: number;
}

const kB = (bytes: number): string => `${(bytes / 1000).toFixed(1)} kB`;

/** Prints the gzipped size of the scripts, and fails the build when it is over the budget. */
export function bundleBudget(budget: Budget): Plugin {
  return {
    name: 'hiroba:bundle-budget',
    apply: 'build',
    generateBundle(_options, bundle) {
      const sizes = new Map<string, number>();
      const first = new Set<string>();
      const addWithImports = (fileName: string): void => {
        const chunk = bundle[fileName];
        if (first.has(fileName) || chunk?.type !== 'chunk') return;
        first.add(fileName);
        chunk.imports.forEach(addWithImports);
      };
      for (const chunk of Object.values(bundle)) {
        if (chunk.type !== 'chunk') continue;
        sizes.set(chunk.fileName, gzipSync(chunk.code, { level: 9 }).length);
        if (chunk.isEntry) addWithImports(chunk.fileName);
      }
      const sum = (names: Iterable<string>): number =>
        [...names].reduce((all, name) => all + (sizes.get(name) ?? 0), 0);
      const totalBytes = sum(sizes.keys());
      const firstBytes = sum(first);
      const line =
        `scripts, gzipped: first load ${kB(firstBytes)} of ${kB(budget.firstBytes)}, ` +
        `all ${kB(totalBytes)} of ${kB(budget.totalBytes)}`;
      if (totalBytes > budget.totalBytes || firstBytes > budget.firstBytes) this.error(`over the budget: ${line}`);
      console.log(`\n${line}`);
    },
  };
}
