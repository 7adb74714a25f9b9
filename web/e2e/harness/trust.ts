import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync } from 'node:fs';
import path from 'node:path';
import { outFolder } from './paths.ts';

/** Whether there is the tool that tells Chromium on Linux whom to trust (Debian: libnss3-tools). */
export const canTrust = spawnSync('certutil', ['-H'], { stdio: 'ignore' }).error === undefined;

/** A new folder of its own below the output folder. */
export const newFolder = (name: string): string => mkdtempSync(path.join(outFolder('folders'), `${name}-`));

/** Makes a home folder whose owner trusts the authority of a certificate file, as people do it by hand. */
export function trusting(certificate: string): string {
  const home = newFolder('home');
  const database = path.join(home, '.pki', 'nssdb');
  mkdirSync(database, { recursive: true });
  for (const args of [
    ['-N', '--empty-password'],
    ['-A', '-t', 'C,,', '-n', 'Hiroba', '-i', certificate],
  ]) {
    const { status, stderr } = spawnSync('certutil', ['-d', `sql:${database}`, ...args], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`certutil: ${stderr}`);
  }
  return home;
}
