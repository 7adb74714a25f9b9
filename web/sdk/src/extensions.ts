/** The AV1 dependency descriptor, which a receiver needs to decode scalable AV1 that the server thins out. */
const DEPENDENCY_DESCRIPTOR = 'dependency-descriptor';

interface HeaderExtension {
  readonly uri: string;
  direction: RTCRtpTransceiverDirection;
}

/** RTCRtpTransceiver with the part of webrtc-extensions that TypeScript's library does not have yet. */
interface ExtensionControl {
  getHeaderExtensionsToNegotiate?(): HeaderExtension[];
  setHeaderExtensionsToNegotiate?(extensions: readonly HeaderExtension[]): void;
}

/**
 * Offers the dependency descriptor, which Chromium leaves out of recvonly video unless asked. Browsers without this API
 * (Firefox, Safari) decode without the descriptor.
 */
export function offerDependencyDescriptor(transceiver: RTCRtpTransceiver): void {
  const control = transceiver as RTCRtpTransceiver & ExtensionControl;
  const extensions = control.getHeaderExtensionsToNegotiate?.();
  const descriptor = extensions?.find((extension) => extension.uri.includes(DEPENDENCY_DESCRIPTOR));
  if (!extensions || !descriptor || !control.setHeaderExtensionsToNegotiate) {
    return;
  }
  descriptor.direction = 'sendrecv';
  control.setHeaderExtensionsToNegotiate(extensions);
}
