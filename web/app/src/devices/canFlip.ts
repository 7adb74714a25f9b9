/** Whether there is a front and a back camera to switch between: a device that is held, with more than one camera. */
export const canFlip = (devices: readonly MediaDeviceInfo[]): boolean =>
  devices.filter((device) => device.kind === 'videoinput').length > 1 && matchMedia('(pointer: coarse)').matches;
