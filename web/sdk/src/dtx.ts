/**
 * Makes an answer say that the server likes discontinuous transmission on some m-lines (`usedtx`, RFC 7587): browsers send
 * Opus that way only to who says so, and 4 packets in a second of silence then instead of 50. It is the sender's choice, so
 * it is made here: the server takes sound either way.
 */
export function allowDtx(answer: string, mids: readonly string[]): string {
  return answer
    .split(/^(?=m=)/m)
    .map((section) => (mids.some((mid) => hasMid(section, mid)) ? amend(section) : section))
    .join('');
}

function hasMid(section: string, mid: string): boolean {
  return section.split(/\r?\n/).includes(`a=mid:${mid}`);
}

function amend(section: string): string {
  const payloadType = /^a=rtpmap:(\d+) opus\/48000\/2/im.exec(section)?.[1];
  if (payloadType === undefined) {
    return section;
  }
  const parameters = new RegExp(`^a=fmtp:${payloadType} [^\\r\\n]*`, 'm');
  const line = parameters.exec(section)?.[0];
  if (line === undefined) {
    return section.replace(/^(a=rtpmap:\d+ opus\/48000\/2[^\r\n]*)/im, `$1\r\na=fmtp:${payloadType} usedtx=1`);
  }
  return /[ ;]usedtx=/.test(line) ? section : section.replace(line, `${line};usedtx=1`);
}
