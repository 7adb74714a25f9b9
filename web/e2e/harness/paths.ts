import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** A variable that run.js sets. */
function given(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === '') throw new Error(`${name} is not set: run the tests with "npm run e2e"`);
  return value;
}

/** The server's program. */
export const hiroba = given('HIROBA');
export const chromium = given('CHROMIUM');
/** Where logs, screenshots and made-up media go. Nothing in it is kept in git. */
const out = given('HIROBA_E2E_OUT');
export const peersProgram = path.join(out, 'peers');

/** A folder below the output folder. */
export function outFolder(name: string): string {
  const folder = path.join(out, name);
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** Pictures for the README, which are kept in git. */
export const screenshots = fileURLToPath(new URL('../screenshots', import.meta.url));
