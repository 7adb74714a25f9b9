/** Identifies a participant within its room, for the life of its session. A fresh join gives a new one. */
export type ParticipantId = string;

/** What a track shows or lets hear. Microphone and camera share a seat, and so do screen audio and screen. */
export type Source = 'microphone' | 'camera' | 'screen_audio' | 'screen';

/** The sources that have a picture. */
export type VideoSource = 'camera' | 'screen';

/** A video codec that a room can carry. */
export type VideoCodec = 'vp8' | 'vp9' | 'h264' | 'av1' | 'h265';

/** Something that a participant publishes. */
export interface Track {
  readonly source: Source;
  /** The contributing source (RFC 3550, section 5.1) that packets of this track carry in a seat. */
  readonly csrc: number;
  /** True while nothing is sent. A muted screen is one that is not shared. */
  readonly muted: boolean;
  /** Unknown until the first packet has come. */
  readonly codec?: string;
}

/** Somebody in the room. */
export interface Participant {
  readonly id: ParticipantId;
  readonly name: string;
  /** Milliseconds since 1970-01-01 UTC, by the server's clock. */
  readonly joinedAtMs: number;
  readonly isSelf: boolean;
  readonly tracks: readonly Track[];
}

/** One picture that the page shows now. The server sends pictures only for these, in a fitting size. */
export interface Tile {
  readonly participant: ParticipantId;
  readonly source: VideoSource;
  /** In device pixels (CSS pixels times `devicePixelRatio`). */
  readonly width: number;
  /** In device pixels. */
  readonly height: number;
  /** Pinned tiles come first when there is not enough bandwidth for all. */
  readonly pinned?: boolean;
}

/** A participant who is heard now. */
export interface Speaker {
  readonly participant: ParticipantId;
  /** Loudness from 0 (silent) to 1. */
  readonly level: number;
}

/** Something said to the room. */
export interface ChatMessage {
  /**
   * Orders the messages: 1 and up as the server counts them. Messages from before a restart of the server have 0 or
   * less. Our own message has a value above all others until the server has echoed it.
   */
  readonly seq: number;
  /** Our own mark; set on messages that this `Room` sent. */
  readonly id?: string;
  readonly from: ParticipantId;
  readonly name: string;
  readonly text: string;
  /** Milliseconds since 1970-01-01 UTC. */
  readonly atMs: number;
  readonly state: 'sending' | 'sent' | 'failed';
}

/**
 * Why a session ended: the server's word (`left`, `replaced`, `resumed_elsewhere`, `timeout`, `media_failed`,
 * `shutdown`, `protocol`, `too_slow`, `media_abuse`) or, when coming back was refused for good, the code of that error
 * (`name_taken`, `room_full`, ...). The set grows; have words for the unknown.
 */
export type ByeReason = string;

/** Where the room's connection stands. `media` says whether pictures and sound still run meanwhile. */
export type RoomState =
  | { readonly kind: 'idle' }
  | { readonly kind: 'joining' }
  | { readonly kind: 'joined' }
  | {
      readonly kind: 'reconnecting';
      /** Counts from 1. */
      readonly attempt: number;
      /** When the next attempt starts or the running one started, by `Date.now()`. */
      readonly retryAtMs: number;
      readonly media: 'up' | 'down';
    }
  | { readonly kind: 'ended'; readonly reason: ByeReason; readonly message: string };

/**
 * What one seat plays now. An object is replaced, never changed, when something about it changes; `stream` is stable
 * for the life of the seat, so an element binds to it once.
 */
export interface RemoteMedia {
  readonly participant: ParticipantId;
  readonly source: VideoSource;
  /** One audio and one video track. Somebody else may be in the same stream after a change of occupants. */
  readonly stream: MediaStream;
  /** Pictures are on their way: the participant sends them and the server forwards them into this seat. */
  readonly hasVideo: boolean;
  /**
   * The picture in `stream` is this participant's. False until its first frame was decoded: until then an element may
   * still show the former occupant and must be hidden.
   */
  readonly playing: boolean;
  /** Set when the participant sends a codec that this browser cannot decode. */
  readonly unsupportedCodec?: string;
}

/** One file that was offered to the room, by us or by somebody else. */
export interface FileItem {
  /** The server's ID; 0 until it has echoed our offer. */
  readonly file: number;
  /** Stable from the first moment on; the key to use in lists. */
  readonly localId: string;
  readonly own: boolean;
  readonly from: ParticipantId;
  readonly fromName: string;
  readonly name: string;
  /** In bytes. */
  readonly size: number;
  /** May be empty. */
  readonly mime: string;
  /** Of our own file: one for each receiver. Of somebody else's: at most one, ours. */
  readonly transfers: readonly FileTransfer[];
  readonly state: 'offered' | 'withdrawn';
}

/** One file on its way to one participant. */
export interface FileTransfer {
  /** The server's ID; 0 until it has begun. */
  readonly transfer: number;
  /** The other side: the receiver of our own file, or the sender of somebody else's. */
  readonly peer: ParticipantId;
  /** How much has arrived at the receiver. */
  readonly bytes: number;
  readonly bytesPerSecond: number;
  readonly state: 'waiting' | 'running' | 'done' | 'cancelled' | 'failed';
  /** Why it was cancelled or failed: `cancelled`, `left`, `too_slow`, `broken_rule`, `connection`, `unreadable`. */
  readonly reason?: string;
  /** The file, at the receiver, when done. */
  readonly blob?: Blob;
}

/** The bounds that the server enforces. Within them there are no errors. */
export interface Limits {
  /** In Unicode code points, as `roomChars` and `chatChars`. */
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

/** Where the SDK writes what it does. `console` fits. Never gets secrets, SDP or chat texts. */
export interface Logger {
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

/** How a `Room` works; all have defaults. */
export interface RoomOptions {
  /** The WebSocket's address. Default: `/ws` on the page's own origin. */
  readonly url?: string;
  /** How many seats the first offer has. Default: what the server proposes. */
  readonly seats?: number;
  /** The number of seats never exceeds this. Default: the server's limit. */
  readonly maxSeats?: number;
  /** What the camera is sent with, if the browser can. Default: `vp8`. */
  readonly videoCodec?: VideoCodec;
  /** What a screen is sent with, if the browser can. Default: `videoCodec`. */
  readonly screenVideoCodec?: VideoCodec;
  /**
   * Send the camera in several qualities, so that each participant gets what its tile needs, and only those qualities
   * that somebody needs: VP8, H.264 and H.265 as simulcast, VP9 and AV1 with spatial layers. Default: true.
   */
  readonly simulcast?: boolean;
  /** The layers of a camera in VP9 or AV1 (Scalable Video Coding Extension for WebRTC). Default: `L3T3_KEY`. */
  readonly scalabilityMode?: string;
  /** The layers of a shared screen, such as `L1T2`. Default: the browser's choice. */
  readonly screenScalabilityMode?: string;
  /**
   * Repeat each packet of the microphone's sound in the next one, if the browser can (RED, RFC 2198): a lost packet is then
   * not heard, for twice the rate. Default: true.
   */
  readonly redundantAudio?: boolean;
  /** Send next to nothing while the microphone hears nothing (Opus DTX). Default: true. */
  readonly dtx?: boolean;
  /** Used in addition to those that the server names. */
  readonly iceServers?: readonly RTCIceServer[];
  /**
   * The trace that joins are a part of, as the page's own OpenTelemetry has it (W3C Trace Context): the server's trace of
   * the join becomes a part of it. Default: each join is a trace of its own.
   */
  readonly traceparent?: string;
  /** Default: nothing is logged. */
  readonly logger?: Logger;
}

/** Whom to join as, and with what. */
export interface JoinOptions {
  readonly room: string;
  readonly name: string;
  /** `room.session` of an earlier page of the same person (a reload). That session ends and its name is free again. */
  readonly replaces?: string;
  readonly microphone?: MediaStreamTrack | null;
  readonly camera?: MediaStreamTrack | null;
  /** Join silent: the microphone is sent only from `setMicrophone(track)` on. */
  readonly microphoneMuted?: boolean;
  /** Join unseen: the camera is sent only from `setCamera(track)` on. */
  readonly cameraMuted?: boolean;
  /** Aborting it before `join` has resolved ends the attempt; `join` rejects with the code `aborted`. */
  readonly signal?: AbortSignal;
}

/** What happened how often since the `Room` was made. */
export interface Counters {
  /** SDP offers that were sent, repetitions after a resume not counted. */
  readonly offers: number;
  /** SDP answers that were applied. */
  readonly answers: number;
  /** How often the connection was lost and came back, by resuming or by joining afresh. */
  readonly reconnects: number;
  /** How often ICE was restarted because nothing came through. */
  readonly iceRestarts: number;
  /** RTCPeerConnections that were made. */
  readonly peerConnections: number;
  /** Seats of the present RTCPeerConnection. */
  readonly seats: number;
}

/** How long the way to the first picture took; missing until there was one. */
export interface Timings {
  /** From `join()` to the first decoded frame of somebody else. */
  readonly joinMs?: number;
  /** From `new RTCPeerConnection` to the first decoded frame of somebody else, in the present connection. */
  readonly peerConnectionMs?: number;
}

/**
 * Numbers about one track that is received, or about one encoding of a track that is sent: simulcast has several. Rates
 * are since the last call of `stats()`.
 */
export interface TrackStats {
  readonly participant: ParticipantId;
  readonly source: Source;
  readonly direction: 'send' | 'receive';
  readonly bitsPerSecond: number;
  readonly codec?: string;
  /** Of the pictures that are received now, or encoded in this encoding: it tells the layer. */
  readonly width?: number;
  readonly height?: number;
  readonly framesPerSecond?: number;
  readonly packetsLost?: number;
  readonly freezeCount?: number;
  /** Mean time in the jitter buffer, since the last call. */
  readonly jitterBufferMs?: number;
  /** Of the sender: `none`, `cpu`, `bandwidth`, `other`. */
  readonly qualityLimitationReason?: string;
  /** Of the sender's encoding (simulcast). */
  readonly rid?: string;
  /** Of the sender's encoding: false while nobody wants it and it sends nothing. */
  readonly active?: boolean;
  readonly scalabilityMode?: string;
}

/** Numbers about the RTCPeerConnection. */
export interface ConnectionStats {
  readonly rttMs?: number;
  readonly localCandidateType?: string;
  /** `udp` or `tcp`. */
  readonly protocol?: string;
  /** In bits per second. */
  readonly availableOutgoingBitrate?: number;
  readonly bitsPerSecondReceived: number;
  readonly bitsPerSecondSent: number;
}

/** All numbers at one moment. */
export interface RoomStats {
  readonly atMs: number;
  readonly connection: ConnectionStats;
  readonly tracks: readonly TrackStats[];
}
