import { existsSync } from 'node:fs';
import path from 'node:path';
import puppeteer, { type Browser } from 'puppeteer-core';

/** Firefox, where it is installed, or where FIREFOX says. */
export const firefox =
  process.env['FIREFOX'] ??
  ['firefox-esr', 'firefox']
    .flatMap((name) => (process.env['PATH'] ?? '').split(path.delimiter).map((folder) => path.join(folder, name)))
    .find((file) => existsSync(file));

/** Starts a Firefox that talks to nobody but the server, with a camera and a microphone that are made up. */
export function launchFirefox(): Promise<Browser> {
  if (firefox === undefined) throw new Error('there is no Firefox');
  return puppeteer.launch({
    browser: 'firefox',
    executablePath: firefox,
    headless: true,
    extraPrefsFirefox: {
      'media.navigator.streams.fake': true,
      'media.navigator.permission.disabled': true,
      'media.autoplay.default': 0,
      // A server on a loopback address has loopback candidates, which pages otherwise do not use.
      'media.peerconnection.ice.loopback': true,
      'media.peerconnection.ice.obfuscate_host_addresses': false,
      // Nothing is fetched from anywhere.
      'media.gmp-manager.url': '',
      'media.gmp-manager.updateEnabled': false,
      'media.gmp-provider.enabled': false,
      'network.captive-portal-service.enabled': false,
      'network.connectivity-service.enabled': false,
      'app.update.enabled': false,
      'app.normandy.enabled': false,
      'services.settings.server': 'data:,#remote-settings-dummy/v1',
    },
  });
}
