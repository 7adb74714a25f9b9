/** Where somebody is. */
export type Route =
  | { readonly kind: 'start' }
  /** Only the connection test, as `hiroba doctor --phone` asks for it. */
  | { readonly kind: 'check' }
  | {
      readonly kind: 'room';
      readonly room: string;
      /** Fills in the name, from `?name=`. */
      readonly name: string | undefined;
      /** Joins at once without the green room, from `?auto=1`. */
      readonly auto: boolean;
    };

/** Reads the address. What is not a room leads to the start page. */
export function parseRoute(pathname: string, search: string): Route {
  if (/^\/check\/?$/u.test(pathname)) return { kind: 'check' };
  const [, encoded] = /^\/r\/([^/]+)\/?$/u.exec(pathname) ?? [];
  if (encoded === undefined) return { kind: 'start' };
  let room: string;
  try {
    room = decodeURIComponent(encoded);
  } catch {
    return { kind: 'start' };
  }
  const query = new URLSearchParams(search);
  const name = query.get('name')?.trim();
  return { kind: 'room', room, name: name === '' ? undefined : name, auto: query.get('auto') === '1' };
}

/** The path of a room, which is also the link one sends to others. */
export const roomPath = (room: string): string => `/r/${encodeURIComponent(room)}`;
