/**
 * The messages on the wire, as signaling/protocol/PROTOCOL.md specifies them. Names are the wire's, so this file can be
 * read beside the Go types; everything else in the SDK uses types.ts.
 */

export const PROTOCOL_VERSION = 1;

/** Labels of the data channels. */
export const CHAT_LABEL = 'chat';
export const FILE_LABEL = 'file';

export type WireSource = 'microphone' | 'camera' | 'screen_audio' | 'screen';

export interface WireTrack {
  readonly source: WireSource;
  readonly csrc: number;
  readonly muted: boolean;
  readonly codec?: string;
}

export interface WireParticipant {
  readonly id: string;
  readonly name: string;
  readonly joinedAt: number;
  readonly tracks: readonly WireTrack[] | null;
}

export interface WireIceServer {
  readonly urls: readonly string[];
  readonly username?: string;
  readonly credential?: string;
}

export interface WireLimits {
  readonly nameChars: number;
  readonly roomChars: number;
  readonly chatChars: number;
  readonly chatHistory: number;
  readonly seats: number;
  readonly viewTiles: number;
  readonly messageBytes: number;
  readonly offerBytes: number;
  readonly fileBytes: number;
  readonly fileChunkBytes: number;
  readonly fileWindowBytes: number;
  readonly fileTransfers: number;
}

export interface WireSeatMids {
  readonly audio: string;
  readonly video: string;
}

export interface WireTrackMid {
  readonly mid: string;
  readonly source: WireSource;
  readonly muted: boolean;
}

export interface WireTile {
  readonly participant: string;
  readonly source: 'camera' | 'screen';
  readonly width: number;
  readonly height: number;
  readonly pinned?: boolean;
}

export interface WireSeatState extends WireSeatMids {
  readonly participant?: string;
  readonly source?: WireSource;
  readonly audioCsrc?: number;
  readonly videoCsrc?: number;
  readonly unsupported?: string;
}

export interface WireSpeaker {
  readonly participant: string;
  readonly level: number;
}

// From the client.

export interface Hello {
  readonly type: 'hello';
  readonly version: number;
  readonly client?: string;
  readonly resume?: string;
  readonly traceparent?: string;
}
export interface Join {
  readonly type: 'join';
  readonly room: string;
  readonly name: string;
  readonly replaces?: string;
}
/** Why ICE is restarted: see PROTOCOL.md. */
export type RestartReason = 'silent' | 'hinted' | 'disconnected' | 'failed';

export interface Offer {
  readonly type: 'offer';
  readonly id: number;
  readonly sdp: string;
  readonly seats: readonly WireSeatMids[];
  readonly tracks: readonly WireTrackMid[];
  readonly restart?: RestartReason;
}
export interface Candidate {
  readonly type: 'candidate';
  readonly candidate: string;
  readonly sdpMid?: string;
  readonly sdpMLineIndex?: number;
  readonly usernameFragment?: string;
}
export interface View {
  readonly type: 'view';
  readonly tiles: readonly WireTile[];
}
export interface Mute {
  readonly type: 'mute';
  readonly source: WireSource;
  readonly muted: boolean;
}
export interface ChatSend {
  readonly type: 'chat_send';
  readonly id?: string;
  readonly text: string;
}
export interface Leave {
  readonly type: 'leave';
}
export interface Ping {
  readonly type: 'ping';
  readonly time: number;
}

export interface ReportPath {
  readonly candidate: 'host' | 'srflx' | 'prflx' | 'relay';
  readonly protocol: 'udp' | 'tcp' | 'tls';
  readonly rttMs?: number;
}
export interface Report {
  readonly type: 'report';
  readonly firstFrame?: { readonly tookMs: number; readonly agoMs: number };
  readonly freezes: number;
  readonly freezeMs: number;
  readonly framesDropped: number;
  readonly path?: ReportPath;
}

/** What a client may send over the WebSocket. */
export type ClientMessage = Hello | Join | Offer | Candidate | View | Mute | ChatSend | Leave | Ping | Report;

// From the server. Go writes an empty list as [] or null; both are taken.

export interface Welcome {
  readonly type: 'welcome';
  readonly version: number;
  readonly server: string;
  readonly resumed?: boolean;
  readonly room: string;
  readonly self: WireParticipant;
  readonly participants: readonly WireParticipant[] | null;
  readonly session: string;
  readonly graceMs: number;
  readonly iceServers: readonly WireIceServer[] | null;
  readonly limits: WireLimits;
  readonly seats: number;
  readonly chat: readonly Omit<Chat, 'type'>[] | null;
  readonly speakers: readonly WireSpeaker[] | null;
}
export interface Joined {
  readonly type: 'joined';
  readonly participant: WireParticipant;
}
export interface Left {
  readonly type: 'left';
  readonly participant: string;
  readonly reason: string;
}
export interface Updated {
  readonly type: 'updated';
  readonly participant: WireParticipant;
}
export interface Answer {
  readonly type: 'answer';
  readonly id: number;
  readonly sdp: string;
}
export interface Seats {
  readonly type: 'seats';
  readonly seats: readonly WireSeatState[] | null;
}
export interface NeedSeats {
  readonly type: 'need_seats';
  readonly seats: number;
}
export interface Layers {
  readonly type: 'layers';
  readonly source: 'camera' | 'screen';
  readonly highest: number;
}
export interface Speakers {
  readonly type: 'speakers';
  readonly speakers: readonly WireSpeaker[] | null;
}
export interface Chat {
  readonly type: 'chat';
  readonly seq: number;
  readonly id?: string;
  readonly from: string;
  readonly name: string;
  readonly text: string;
  readonly at: number;
}
export interface ErrorMessage {
  readonly type: 'error';
  readonly code: string;
  readonly message: string;
  readonly re?: string;
  readonly id?: string;
  readonly retryAfterMs?: number;
  readonly to?: string;
}
export interface Draining {
  readonly type: 'draining';
  readonly endsInMs: number;
  readonly to?: string;
}
export interface Bye {
  readonly type: 'bye';
  readonly reason: string;
  readonly message: string;
  readonly reconnect: boolean;
  readonly afterMs?: number;
}
export interface Pong {
  readonly type: 'pong';
  readonly time: number;
}

/** What the server may send over the WebSocket. */
export type ServerMessage =
  | Welcome
  | Joined
  | Left
  | Updated
  | Answer
  | Candidate
  | Seats
  | NeedSeats
  | Layers
  | Speakers
  | Chat
  | ErrorMessage
  | Draining
  | Bye
  | Pong;

// On the file channel, both ways.

export interface FileOffer {
  readonly type: 'file_offer';
  readonly id?: string;
  readonly file?: number;
  readonly from?: string;
  readonly name: string;
  readonly size: number;
  readonly mime?: string;
}
export interface FileAccept {
  readonly type: 'file_accept';
  readonly file: number;
}
export interface FileStart {
  readonly type: 'file_start';
  readonly file: number;
  readonly transfer: number;
  readonly to: string;
}
export interface FileAck {
  readonly type: 'file_ack';
  readonly transfer: number;
  readonly bytes: number;
}
export interface FileCancel {
  readonly type: 'file_cancel';
  readonly file: number;
  readonly transfer?: number;
  readonly reason?: string;
}
export interface FileDone {
  readonly type: 'file_done';
  readonly file: number;
  readonly transfer: number;
}

/** What goes over the file channel as text. */
export type FileMessage = FileOffer | FileAccept | FileStart | FileAck | FileCancel | FileDone | ErrorMessage;

const serverTypes: ReadonlySet<string> = new Set<ServerMessage['type']>([
  'welcome',
  'joined',
  'left',
  'updated',
  'answer',
  'candidate',
  'seats',
  'need_seats',
  'layers',
  'speakers',
  'chat',
  'error',
  'draining',
  'bye',
  'pong',
]);

const fileTypes: ReadonlySet<string> = new Set<FileMessage['type']>([
  'file_offer',
  'file_accept',
  'file_start',
  'file_ack',
  'file_cancel',
  'file_done',
  'error',
]);

/**
 * Reads a message of the server. Undefined for what is not one, or of a type that this version does not know: a newer
 * server may send those, and they are to be ignored. Members are not checked one by one: the server is trusted to keep
 * the protocol that the client speaks.
 */
export function parseServerMessage(data: unknown): ServerMessage | undefined {
  return parse(data, serverTypes) as ServerMessage | undefined;
}

/** Reads a text message of the file channel; undefined as in `parseServerMessage`. */
export function parseFileMessage(data: unknown): FileMessage | undefined {
  return parse(data, fileTypes) as FileMessage | undefined;
}

function parse(data: unknown, types: ReadonlySet<string>): object | undefined {
  if (typeof data !== 'string') {
    return undefined;
  }
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || !('type' in value) || typeof value.type !== 'string') {
    return undefined;
  }
  return types.has(value.type) ? value : undefined;
}
