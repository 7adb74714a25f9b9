import type { Counters } from '@hiroba/sdk';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { expect } from 'vitest';
import { launch, openPage, type Devices, type OpenPage } from './browser.ts';
import { isSame, type Rgb } from './colour.ts';
import { fakeCamera, fakeMicrophone, type Picture } from './fakeMedia.ts';
import type { Inbound, Look } from './probe.ts';
import { until } from './wait.ts';

export interface ParticipantOptions {
  readonly name: string;
  /** What the camera shows; a browser without one has Chromium's own. */
  readonly colour?: Picture;
  /** The microphone's frequency. */
  readonly hz?: number;
  readonly camera?: string;
  readonly access?: NonNullable<Devices['access']>;
  readonly executable?: string;
  readonly anyCertificate?: boolean;
  readonly home?: string;
  readonly args?: readonly string[];
  readonly context?: BrowserContextOptions;
}

/** One person with a browser of their own, in front of the app. */
export class Participant {
  readonly name: string;
  readonly browser: Browser;
  readonly page: Page;
  readonly complaints: string[];
  readonly signaling: string[];

  private constructor(name: string, browser: Browser, { page, complaints, signaling }: OpenPage) {
    this.name = name;
    this.browser = browser;
    this.page = page;
    this.complaints = complaints;
    this.signaling = signaling;
  }

  static async open({ name, colour, hz, camera, context, ...devices }: ParticipantOptions): Promise<Participant> {
    const film = camera ?? (colour === undefined ? undefined : fakeCamera(name, colour));
    const browser = await launch({
      ...(film === undefined ? {} : { camera: film }),
      ...(hz === undefined ? {} : { microphone: fakeMicrophone(hz) }),
      ...devices,
    });
    return new Participant(name, browser, await openPage(browser, context));
  }

  /** Opens a browser and goes straight into a room. */
  static async join(url: string, room: string, options: ParticipantOptions): Promise<Participant> {
    const participant = await Participant.open(options);
    await participant.enter(url, room);
    return participant;
  }

  async enter(url: string, room: string): Promise<void> {
    await this.page.goto(`${url}/r/${encodeURIComponent(room)}?name=${encodeURIComponent(this.name)}&auto=1`);
    await until(
      `${this.name} to be in the room`,
      () => this.page.evaluate(() => window.hiroba?.room.state.kind === 'joined'),
      {},
      () => this.page.evaluate(() => document.body.innerText),
    );
  }

  /** The control with this data-testid. */
  get(testId: string): ReturnType<Page['getByTestId']> {
    return this.page.getByTestId(testId);
  }

  look(): Promise<readonly Look[]> {
    return this.page.evaluate(() => window.probe.look());
  }

  /** Waits until each of these people is seen in their colour. */
  async sees(colours: Readonly<Record<string, Rgb>>, withinMs = 15_000): Promise<void> {
    await until(
      `${this.name} to see ${Object.keys(colours).join(', ')} in their colours`,
      async () => {
        const looks = await this.look();
        return Object.entries(colours).every(([name, colour]) =>
          looks.some((look) => look.name === name && look.source === 'camera' && isSame(look.rgb, colour)),
        );
      },
      { withinMs },
      () => this.look(),
    );
  }

  /** Waits until exactly these others have tiles on the page. */
  async finds(...names: readonly string[]): Promise<void> {
    await until(
      `${this.name} to find ${names.join(', ')} there`,
      async () => {
        const others = (await this.look()).filter(({ isSelf }) => !isSelf).map((look) => look.name);
        return JSON.stringify(others.toSorted()) === JSON.stringify([...names].toSorted());
      },
      {},
      () => this.look(),
    );
  }

  /** What is received on each m-line. */
  inbound(): Promise<readonly Inbound[]> {
    return this.page.evaluate(() => window.probe.inbound());
  }

  counters(): Promise<Counters> {
    return this.page.evaluate(() => {
      const room = window.hiroba?.room;
      if (room === undefined) throw new Error('not in a room');
      return { ...room.counters };
    });
  }

  /** Offers and answers on the WebSocket so far. */
  negotiations(): number {
    return this.signaling.filter((message) => /offer$|answer$/u.test(message) && !message.includes('file')).length;
  }

  /** Ends the browser. Fails if the page had something to complain about, but for what is expected. */
  async close(expected?: RegExp): Promise<void> {
    await this.browser.close();
    const complaints = this.complaints.filter((complaint) => expected?.test(complaint) !== true);
    expect(complaints, `complaints of ${this.name}'s page: ${complaints.join('; ')}`).toEqual([]);
  }
}

/** The sum of a number over the pictures (or the sound) that were received. */
export function total(inbound: readonly Inbound[], kind: 'audio' | 'video', of: keyof Inbound): number {
  return inbound.filter((line) => line.kind === kind).reduce((sum, line) => sum + Number(line[of]), 0);
}
