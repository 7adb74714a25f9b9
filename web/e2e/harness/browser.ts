import { type Browser, type BrowserContextOptions, chromium as playwright, type Page } from 'playwright-core';
import { COLOUR_TOLERANCE } from './colour.ts';
import { chromium } from './paths.ts';
import { installProbe } from './probe.ts';

/** What a browser's fake devices play. */
export interface Devices {
  /** A film, see fakeCamera. */
  readonly camera?: string;
  /** A sound, see fakeMicrophone. */
  readonly microphone?: string;
  /** `granted` without a question; `refused` without one. */
  readonly access?: 'granted' | 'refused' | 'no camera';
  /** Another program than the usual Chromium. */
  readonly executable?: string;
  /** Takes certificates that nobody has vouched for. */
  readonly anyCertificate?: boolean;
  /** A home folder, with what its owner trusts (see trusting). */
  readonly home?: string;
  /** Further arguments of Chromium. */
  readonly args?: readonly string[];
}

/** Starts a Chromium of its own. */
export function launch({
  camera,
  microphone,
  access = 'granted',
  executable = chromium,
  anyCertificate = false,
  home,
  args: more = [],
}: Devices = {}): Promise<Browser> {
  const args = [
    ...more,
    '--disable-gpu',
    '--disable-quic',
    '--autoplay-policy=no-user-gesture-required',
    // A server on a loopback address has loopback candidates, which pages otherwise do not use.
    '--allow-loopback-in-peer-connection',
    // Several browsers are all in the background for the system.
    '--disable-renderer-backgrounding',
    '--disable-backgrounding-occluded-windows',
    '--disable-background-timer-throttling',
    `--use-fake-device-for-media-stream=fps=20${access === 'no camera' ? ',device-count=0' : ''}`,
  ];
  if (access !== 'refused') args.push('--use-fake-ui-for-media-stream');
  if (camera !== undefined) args.push(`--use-file-for-fake-video-capture=${camera}`);
  if (microphone !== undefined) args.push(`--use-file-for-fake-audio-capture=${microphone}`);
  if (anyCertificate) args.push('--ignore-certificate-errors');
  const env = home === undefined ? {} : { env: { ...process.env, HOME: home } };
  return playwright.launch({ executablePath: executable, headless: true, args, timeout: 30_000, ...env });
}

/** A page, and what went wrong in it. */
export interface OpenPage {
  readonly page: Page;
  /** Errors of scripts, and what the browser itself complained about, such as breaches of the security policy. */
  readonly complaints: string[];
  /** The types of the signaling messages that were sent (`> offer`) and received (`< answer`). */
  readonly signaling: string[];
}

/** Opens a page of its own, with nothing remembered, and the probe inside. */
export async function openPage(browser: Browser, options: BrowserContextOptions = {}): Promise<OpenPage> {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 720 },
    locale: 'en-US',
    colorScheme: 'light',
    reducedMotion: 'reduce',
    ...options,
  });
  context.setDefaultTimeout(15_000);
  await context.addInitScript(installProbe, COLOUR_TOLERANCE);
  const page = await context.newPage();
  const complaints: string[] = [];
  const signaling: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('websocket', (socket) => {
    const note = (mark: string, payload: string | Buffer): void => {
      const { type } = JSON.parse(payload.toString()) as { type: string };
      signaling.push(`${mark} ${type}`);
    };
    socket.on('framesent', ({ payload }) => {
      note('>', payload);
    });
    socket.on('framereceived', ({ payload }) => {
      note('<', payload);
    });
  });
  return { page, complaints, signaling };
}
