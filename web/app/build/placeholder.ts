import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Plugin } from 'vite';

/**
 * Writes dist/.gitkeep again after the folder was emptied: the file is tracked, because the server embeds the folder
 * and would not compile in a fresh checkout without it.
 */
export function keepPlaceholder(): Plugin {
  return {
    name: 'hiroba:keep-placeholder',
    apply: 'build',
    writeBundle(options) {
      if (options.dir !== undefined) writeFileSync(join(options.dir, '.gitkeep'), '');
    },
  };
}
