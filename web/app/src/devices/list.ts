/** One line in a list of devices. */
export interface Choice {
  /** Empty for the system's default. */
  readonly id: string;
  readonly label: string;
}

/** The words that a list needs. */
export interface ListWords {
  readonly defaultDevice: string;
  /** Names a device that has no name, as before a permission was given. */
  numbered(number: number): string;
}

/**
 * The devices of one kind to choose from. The browser's own entries for the default ("default", "communications") are
 * left out in favour of one that follows the system.
 */
export function choices(
  devices: readonly Pick<MediaDeviceInfo, 'deviceId' | 'kind' | 'label'>[],
  kind: MediaDeviceKind,
  words: ListWords,
): readonly Choice[] {
  const real = devices.filter(
    (device) => device.kind === kind && !['', 'default', 'communications'].includes(device.deviceId),
  );
  // Vendor and product in hexadecimal, as Chromium adds them, help nobody.
  const clean = (label: string): string => label.replace(/\s*\([0-9a-f]{4}:[0-9a-f]{4}\)$/iu, '');
  const list = real.map((device, i) => ({ id: device.deviceId, label: clean(device.label) || words.numbered(i + 1) }));
  return real.length === 0 ? [] : [{ id: '', label: words.defaultDevice }, ...list];
}
