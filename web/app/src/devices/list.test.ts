import { describe, expect, it } from 'vitest';
import { choices } from './list.ts';

const words = { defaultDevice: 'Default', numbered: (n: number): string => `Camera ${n}` };

describe('choices', () => {
  it('offers the default and each device once', () => {
    const devices = [
      { deviceId: 'default', kind: 'audioinput', label: 'Default - Built-in' },
      { deviceId: 'communications', kind: 'audioinput', label: 'Communications - Built-in' },
      { deviceId: 'a', kind: 'audioinput', label: 'Built-in (046d:0825)' },
      { deviceId: 'b', kind: 'videoinput', label: 'Webcam' },
    ] as const;
    expect(choices(devices, 'audioinput', words)).toEqual([
      { id: '', label: 'Default' },
      { id: 'a', label: 'Built-in' },
    ]);
  });

  it('numbers devices without a name', () => {
    const devices = [
      { deviceId: 'a', kind: 'videoinput', label: '' },
      { deviceId: 'b', kind: 'videoinput', label: '' },
    ] as const;
    expect(choices(devices, 'videoinput', words).map((choice) => choice.label)).toEqual([
      'Default',
      'Camera 1',
      'Camera 2',
    ]);
  });

  it('is empty without devices, and before a permission when ids are hidden', () => {
    expect(choices([], 'videoinput', words)).toEqual([]);
    expect(choices([{ deviceId: '', kind: 'videoinput', label: '' }], 'videoinput', words)).toEqual([]);
  });
});
