/** Why a device cannot be used. Each has its own words, because each has its own way out. */
export type Failure = 'denied' | 'deniedBySystem' | 'missing' | 'busy' | 'insecure' | 'unsupported' | 'other';

/** What the page stands in. */
export interface Surroundings {
  readonly isSecureContext: boolean;
  readonly hasMediaDevices: boolean;
}

/** Says why nothing can be asked for at all, before anything is asked for. */
export function missingApi(page: Surroundings): Failure | undefined {
  if (page.hasMediaDevices) return undefined;
  return page.isSecureContext ? 'unsupported' : 'insecure';
}

/**
 * Reads what getUserMedia and getDisplayMedia reject with (Media Capture and Streams, section 10.2). Only the name is
 * standard; that the system and not the person refused is visible in Chromium's message alone.
 */
export function failureOf(error: unknown): Failure {
  if (!(error instanceof Error)) return 'other';
  switch (error.name) {
    case 'NotAllowedError':
      return /system/iu.test(error.message) ? 'deniedBySystem' : 'denied';
    case 'SecurityError':
      return 'denied';
    case 'NotFoundError':
    case 'OverconstrainedError':
      return 'missing';
    case 'NotReadableError':
    case 'AbortError':
      return 'busy';
    case 'TypeError':
      return 'unsupported';
    default:
      return 'other';
  }
}
