import type { HirobaError } from './error.ts';
import type {
  ByeReason,
  ChatMessage,
  FileItem,
  Participant,
  ParticipantId,
  RemoteMedia,
  RoomState,
  Speaker,
} from './types.ts';

/** The events of a `Room`. Each carries the new value of the property of the same name, or what happened. */
export interface RoomEvents {
  state: RoomState;
  /** The others, or ourselves (`room.self`), changed. */
  participants: readonly Participant[];
  media: readonly RemoteMedia[];
  speakers: readonly Speaker[];
  chat: readonly ChatMessage[];
  files: readonly FileItem[];
  /** The server is about to stop, and we are moving to another one, without a gap; false when that is over. */
  moving: boolean;
  /** We have moved: the same people have other IDs now. The map is from the former ones; who did not come is not in it. */
  moved: ReadonlyMap<ParticipantId, ParticipantId>;
  /** Somebody else came. */
  joined: Participant;
  /** Somebody else is gone. */
  left: { readonly participant: Participant; readonly reason: ByeReason };
  /** Something asked for was refused, and no promise was there to reject. The session goes on. */
  error: HirobaError;
  /** The first picture of somebody else was decoded, once after each `join`. */
  firstFrame: { readonly joinMs: number; readonly peerConnectionMs: number };
}
