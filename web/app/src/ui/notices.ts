import { State } from '../call/state.ts';

/** A short message at the edge of the page, that goes away by itself. */
export interface Notice {
  readonly id: number;
  readonly text: string;
  readonly tone: 'plain' | 'problem';
  readonly action: { readonly label: string; readonly run: () => void } | undefined;
}

const most = 3;

/** The messages of one page, and what screen readers are told besides. */
export class Notices {
  readonly shown = new State<readonly Notice[]>([]);
  /** What a screen reader says next; the number makes the same words new. */
  readonly spoken = new State<{ readonly id: number; readonly text: string }>({ id: 0, text: '' });
  #nextId = 1;

  /** Shows a message and has it read out. Problems and messages with a button stay longer. */
  show(text: string, options: Partial<Pick<Notice, 'tone' | 'action'>> = {}): void {
    const tone = options.tone ?? 'plain';
    const notice = { id: this.#nextId++, text, tone, action: options.action };
    this.shown.set([...this.shown.state, notice].slice(-most));
    this.say(text);
    const long = tone === 'problem' || notice.action !== undefined;
    setTimeout(
      () => {
        this.dismiss(notice.id);
      },
      long ? 10_000 : 4000,
    );
  }

  /** Has something read out that can be seen elsewhere. */
  say(text: string): void {
    this.spoken.set({ id: this.#nextId++, text });
  }

  dismiss(id: number): void {
    this.#keep((notice) => notice.id !== id);
  }

  /** Takes away the messages whose button does this: it has been done another way. */
  dismissAction(run: () => void): void {
    this.#keep((notice) => notice.action?.run !== run);
  }

  #keep(isKept: (notice: Notice) => boolean): void {
    const kept = this.shown.state.filter(isKept);
    if (kept.length !== this.shown.state.length) this.shown.set(kept);
  }
}

/** There is one page. */
export const notices = new Notices();
