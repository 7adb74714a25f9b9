/**
 * What this SDK rejects with. `code` is the server's (`name_taken`, `bad_name`, `room_full`, `bad_chat`, ...) or one of
 * the SDK's own: `network` (server not reached), `timeout`, `aborted`, `wrong_state`, `closed`, `unsupported_browser`,
 * `file_too_large`.
 *
 * @example
 * try { await room.join({ room: 'tea', name: 'Aiko' }); }
 * catch (error) { if (error instanceof HirobaError && error.code === 'name_taken') askForAnotherName(); else throw error; }
 */
export class HirobaError extends Error {
  readonly code: string;
  /** When trying again makes sense, as far as the server said so. */
  readonly retryAfterMs: number | undefined;
  /** The WebSocket of another server that takes us (`draining`), as far as the server said so. */
  readonly to: string | undefined;

  constructor(
    code: string,
    message: string,
    options: { cause?: unknown; retryAfterMs?: number | undefined; to?: string | undefined } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'HirobaError';
    this.code = code;
    this.retryAfterMs = options.retryAfterMs;
    this.to = options.to;
  }
}
