/**
 * What this tab needs to come back into a room after a reload. It is kept in sessionStorage, which ends with the tab,
 * and is removed when somebody leaves.
 */
export interface Session {
  /** Names the former session to the server, which ends it in the same step: the name is free again. */
  readonly secret: string;
  readonly name: string;
}

const key = (room: string): string => `hiroba.session.${room}`;

export function readSession(room: string): Session | undefined {
  try {
    const value: unknown = JSON.parse(sessionStorage.getItem(key(room)) ?? 'null');
    if (typeof value !== 'object' || value === null || !('secret' in value) || !('name' in value)) return undefined;
    const { secret, name } = value;
    return typeof secret === 'string' && typeof name === 'string' ? { secret, name } : undefined;
  } catch {
    return undefined;
  }
}

export function writeSession(room: string, session: Session): void {
  try {
    sessionStorage.setItem(key(room), JSON.stringify(session));
  } catch {
    // A reload then leads to the green room.
  }
}

export function removeSession(room: string): void {
  try {
    sessionStorage.removeItem(key(room));
  } catch {
    // There was nothing to remove.
  }
}
