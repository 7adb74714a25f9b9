import type { Room } from '@hiroba/sdk';

/** What the app uses of the SDK's Room. The story pages of the app play it without a server. */
export type RoomClient = Pick<Room, keyof Room>;
