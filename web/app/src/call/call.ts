import type { Input } from '../devices/capture.ts';
import { type LocalMedia, sentTrack } from '../devices/localMedia.ts';
import { keepAwake } from '../devices/wakeLock.ts';
import { notices } from '../ui/notices.ts';
import { AudioSink } from './audioSink.ts';
import { ChatLog } from './chatLog.ts';
import { FileSaver } from './fileSaver.ts';
import type { RoomClient } from './roomClient.ts';
import { ScreenShare } from './screenShare.ts';
import { SpeakingRings } from './speakingRings.ts';
import { StatsPoller } from './statsPoller.ts';

/** What was handed to the room last. */
export type Sent = Readonly<Record<Input, MediaStreamTrack | null>>;

/** Everything that runs while somebody is in a room, besides what is drawn. */
export class Call {
  readonly roomName: string;
  readonly room: RoomClient;
  readonly media: LocalMedia;
  readonly screen: ScreenShare;
  readonly rings = new SpeakingRings();
  readonly sound = new AudioSink();
  readonly stats: StatsPoller;
  readonly log: ChatLog;
  readonly files: FileSaver;
  readonly #sent: Record<Input, MediaStreamTrack | null>;
  readonly #offs: (() => void)[];

  /** @param sent is what the room was joined with. */
  constructor(roomName: string, room: RoomClient, media: LocalMedia, sent: Sent) {
    this.roomName = roomName;
    this.room = room;
    this.media = media;
    this.screen = new ScreenShare(room);
    this.stats = new StatsPoller(room);
    this.log = new ChatLog(room);
    this.files = new FileSaver(room, notices);
    this.#sent = { ...sent };
    this.#offs = [
      room.on('speakers', (speakers) => {
        this.rings.update(speakers);
      }),
      room.on('media', (all) => {
        this.sound.update(all);
      }),
      media.subscribe(() => {
        this.#publish();
      }),
      keepAwake(),
    ];
    this.rings.update(room.speakers);
    this.sound.update(room.media);
    this.#publish();
  }

  /** Stops what this started. The room and the devices are somebody else's. */
  close(): void {
    for (const off of this.#offs) off();
    this.stats.close();
    this.log.close();
    this.files.close();
    this.sound.close();
    void this.screen.stop();
  }

  /** Hands the room what changed of the devices. */
  #publish(): void {
    const { microphone, camera, speakerId } = this.media.state;
    this.sound.chooseSpeaker(speakerId);
    const send = (input: Input, track: MediaStreamTrack | null): void => {
      if (this.#sent[input] === track) return;
      this.#sent[input] = track;
      const sending = input === 'microphone' ? this.room.setMicrophone(track) : this.room.setCamera(track);
      // The room tells of its errors by an event, which is shown.
      sending.catch(() => undefined);
    };
    send('microphone', sentTrack(microphone));
    send('camera', sentTrack(camera));
  }
}
