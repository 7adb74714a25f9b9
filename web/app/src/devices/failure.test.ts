import { describe, expect, it } from 'vitest';
import { failureOf, missingApi } from './failure.ts';

describe('failureOf', () => {
  it.each([
    ['NotAllowedError', 'Permission denied', 'denied'],
    ['NotAllowedError', 'Permission denied by system', 'deniedBySystem'],
    ['SecurityError', '', 'denied'],
    ['NotFoundError', 'Requested device not found', 'missing'],
    ['OverconstrainedError', '', 'missing'],
    ['NotReadableError', 'Could not start video source', 'busy'],
    ['AbortError', 'Timeout starting video source', 'busy'],
    ['TypeError', '', 'unsupported'],
    ['InvalidStateError', '', 'other'],
  ] as const)('reads %s (%s) as %s', (name, message, want) => {
    expect(failureOf(new DOMException(message, name))).toBe(want);
  });

  it('has words for what is no error', () => {
    expect(failureOf('no')).toBe('other');
  });
});

describe('missingApi', () => {
  it('tells an insecure page from an old browser', () => {
    expect(missingApi({ isSecureContext: false, hasMediaDevices: false })).toBe('insecure');
    expect(missingApi({ isSecureContext: true, hasMediaDevices: false })).toBe('unsupported');
    expect(missingApi({ isSecureContext: true, hasMediaDevices: true })).toBeUndefined();
  });
});
