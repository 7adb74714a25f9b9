import { readSetting, writeSetting } from './settings.ts';

const most = 6;

/** The list with `room` in front, once, and not longer than what one looks through at a glance. */
export function withRoom(rooms: readonly string[], room: string): readonly string[] {
  return [room, ...rooms.filter((other) => other !== room)].slice(0, most);
}

/** Reads what was stored; anything that is not a list of strings is taken as nothing. */
export function parseRooms(stored: string | undefined): readonly string[] {
  if (stored === undefined) return [];
  try {
    const value: unknown = JSON.parse(stored);
    if (!Array.isArray(value)) return [];
    return value.filter((room): room is string => typeof room === 'string' && room !== '').slice(0, most);
  } catch {
    return [];
  }
}

/** The rooms that were joined on this device, the last one first. */
export const recentRooms = (): readonly string[] => parseRooms(readSetting('recentRooms'));

export function rememberRoom(room: string): void {
  writeSetting('recentRooms', JSON.stringify(withRoom(recentRooms(), room)));
}

export function forgetRoom(room: string): readonly string[] {
  const rooms = recentRooms().filter((other) => other !== room);
  writeSetting('recentRooms', rooms.length === 0 ? '' : JSON.stringify(rooms));
  return rooms;
}
