export { HirobaError } from './error.ts';
export { checkConnection } from './check.ts';
export type { CheckOptions, ConnectionCheck, Way, WayResult } from './check.ts';
export { Room } from './room.ts';
export type { RoomEvents } from './events.ts';
export type * from './types.ts';
