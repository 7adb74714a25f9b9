import type { Candidate } from './protocol.ts';
import type { Logger } from './types.ts';

/**
 * ICE candidates both ways (RFC 8838). Those of the server that come before its first answer are held back until it is
 * applied.
 */
export class Trickle {
  readonly #pc: RTCPeerConnection;
  readonly #logger: Logger | undefined;
  #held: Candidate[] = [];

  /** @param send May lose candidates while there is no socket: the server learns our address from our checks, too. */
  constructor(pc: RTCPeerConnection, send: (candidate: Candidate) => void, logger: Logger | undefined) {
    this.#pc = pc;
    this.#logger = logger;
    pc.onicecandidate = ({ candidate }) => {
      if (candidate?.candidate) {
        send(toWire(candidate));
      }
    };
  }

  /** A candidate of the server. */
  async received(candidate: Candidate): Promise<void> {
    if (this.#pc.remoteDescription) {
      await this.#add(candidate);
    } else {
      this.#held.push(candidate);
    }
  }

  /** An answer was applied. */
  async answered(): Promise<void> {
    const held = this.#held;
    this.#held = [];
    await Promise.all(held.map((candidate) => this.#add(candidate)));
  }

  close(): void {
    this.#pc.onicecandidate = null;
  }

  async #add({ candidate, sdpMid, sdpMLineIndex, usernameFragment }: Candidate): Promise<void> {
    // RTCPeerConnection wants to know an m-line even for the end of candidates.
    const line = sdpMLineIndex ?? (sdpMid === undefined ? 0 : null);
    try {
      await this.#pc.addIceCandidate({
        candidate,
        sdpMid: sdpMid ?? null,
        sdpMLineIndex: line,
        usernameFragment: usernameFragment ?? null,
      });
    } catch (error) {
      this.#logger?.warn('candidate not usable', { error });
    }
  }
}

function toWire({ candidate, sdpMid, sdpMLineIndex, usernameFragment }: RTCIceCandidate): Candidate {
  return {
    type: 'candidate',
    candidate,
    ...(sdpMid === null ? {} : { sdpMid }),
    ...(sdpMLineIndex === null ? {} : { sdpMLineIndex }),
    ...(usernameFragment === null ? {} : { usernameFragment }),
  };
}
