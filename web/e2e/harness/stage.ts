import { Participant, type ParticipantOptions } from './participant.ts';
import { type PeerOptions, Peers } from './peers.ts';
import { Server } from './server.ts';

/** What a file of tests needs: a server, a room, and who is in it. Closing it ends all of them. */
export class Stage {
  readonly server: Server;
  readonly room: string;
  readonly participants: Participant[] = [];
  readonly #peers: Peers;

  private constructor(server: Server, room: string) {
    this.server = server;
    this.room = room;
    this.#peers = new Peers();
  }

  /** @param name is that of the room and of the server's log; `flags` are the server's. */
  static async open(name: string, ...flags: readonly string[]): Promise<Stage> {
    return new Stage(await Server.start(name, ...flags), name);
  }

  /** Opens a browser that is closed with the stage. */
  async browser(options: ParticipantOptions): Promise<Participant> {
    const participant = await Participant.open(options);
    this.participants.push(participant);
    return participant;
  }

  /** Opens a browser and goes into the room. */
  async join(options: ParticipantOptions): Promise<Participant> {
    const participant = await this.browser(options);
    await participant.enter(this.server.url, this.room);
    return participant;
  }

  /** A participant without a browser comes into the room. */
  peerJoins(options: Omit<PeerOptions, 'server' | 'room'>): Promise<void> {
    return this.#peers.join({ server: this.server.url, room: this.room, ...options });
  }

  peerLeaves(name: string): Promise<void> {
    return this.#peers.leave(name);
  }

  peerMutes(name: string, source: 'camera' | 'microphone', muted: boolean): Promise<void> {
    return this.#peers.mute(name, source, muted);
  }

  /** @param expected are complaints of pages that belong to what was tested. */
  async close(expected?: RegExp): Promise<void> {
    // Each is closed whatever the others say; the first fault is told.
    const endings = [
      ...this.participants.map((participant) => () => participant.close(expected)),
      () => this.#peers.close(),
      () => this.server.stop(),
    ];
    const faults: unknown[] = [];
    for (const end of endings) await end().catch((fault: unknown) => faults.push(fault));
    if (faults.length > 0) throw faults[0];
  }
}
