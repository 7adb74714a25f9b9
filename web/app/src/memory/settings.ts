/**
 * What is remembered on this device between visits, each a short string. Nothing of it leaves the device, but the name
 * that somebody joins with.
 */
export type Setting =
  | 'name'
  | 'language'
  | 'microphone' // a device id
  | 'camera' // a device id
  | 'speaker' // a device id
  | 'microphoneOn' // "yes" or "no"
  | 'cameraOn' // "yes" or "no"
  | 'selfView' // see SelfView
  | 'recentRooms'; // a JSON list

const key = (setting: Setting): string => `hiroba.${setting}`;

/** Reads a setting. Storage may be forbidden (private windows, embedded pages): then nothing is remembered. */
export function readSetting(setting: Setting): string | undefined {
  try {
    return localStorage.getItem(key(setting)) ?? undefined;
  } catch {
    return undefined;
  }
}

/** Remembers a setting; forgets it when it is empty. */
export function writeSetting(setting: Setting, value: string): void {
  try {
    if (value === '') localStorage.removeItem(key(setting));
    else localStorage.setItem(key(setting), value);
  } catch {
    // Not remembering is all that happens.
  }
}
