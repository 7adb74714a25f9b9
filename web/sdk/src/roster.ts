import type { WireParticipant } from './protocol.ts';
import type { Participant, ParticipantId, Source, Track } from './types.ts';

/** Who is in the room, as far as we were told. The list is a new one after each change. */
export class Roster {
  #self: Participant | undefined;
  #others: readonly Participant[] = [];

  get self(): Participant | undefined {
    return this.#self;
  }

  /** Everybody else, in order of joining. */
  get others(): readonly Participant[] {
    return this.#others;
  }

  find(id: ParticipantId): Participant | undefined {
    return this.#self?.id === id ? this.#self : this.#others.find((participant) => participant.id === id);
  }

  /** Replaces everything; says who came and who is gone. */
  replace(self: WireParticipant, others: readonly WireParticipant[]): { came: Participant[]; gone: Participant[] } {
    const former = this.#others;
    this.#self = fromWire(self, true);
    this.#others = others.map((participant) => fromWire(participant, false));
    return {
      came: this.#others.filter(({ id }) => !former.some((other) => other.id === id)),
      gone: former.filter(({ id }) => !this.#others.some((other) => other.id === id)),
    };
  }

  /** Puts the others in the order in which another list has their names; who is not in it comes last. */
  orderAs(names: readonly string[]): void {
    const rank = ({ name }: Participant): number => (names.includes(name) ? names.indexOf(name) : names.length);
    this.#others = this.#others.toSorted((a, b) => rank(a) - rank(b));
  }

  /** Undefined if it is ourselves or somebody known already. */
  add(participant: WireParticipant): Participant | undefined {
    if (this.find(participant.id)) {
      this.update(participant);
      return undefined;
    }
    const added = fromWire(participant, false);
    this.#others = [...this.#others, added];
    return added;
  }

  update(participant: WireParticipant): void {
    if (this.#self?.id === participant.id) {
      this.#self = fromWire(participant, true);
      return;
    }
    this.#others = this.#others.map((other) => (other.id === participant.id ? fromWire(participant, false) : other));
  }

  remove(id: ParticipantId): Participant | undefined {
    const removed = this.#others.find((participant) => participant.id === id);
    this.#others = this.#others.filter((participant) => participant !== removed);
    return removed;
  }

  clear(): void {
    this.#self = undefined;
    this.#others = [];
  }

  /** Whether a track is known to send nothing now. A track that we were not told of yet is taken as sending. */
  isMuted(id: ParticipantId, source: Source): boolean {
    return this.find(id)?.tracks.find((track) => track.source === source)?.muted ?? false;
  }
}

function fromWire({ id, name, joinedAt, tracks }: WireParticipant, isSelf: boolean): Participant {
  return { id, name, joinedAtMs: joinedAt, isSelf, tracks: (tracks ?? []).map(trackFromWire) };
}

function trackFromWire({ source, csrc, muted, codec }: Track): Track {
  return codec ? { source, csrc, muted, codec } : { source, csrc, muted };
}
