export { HirobaError } from './error.ts';
export { Room } from './room.ts';
export type { RoomEvents } from './events.ts';
export type * from './types.ts';
