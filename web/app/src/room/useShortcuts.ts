import { useEffect } from 'react';

/** What keys do. */
export interface ShortcutActions {
  readonly microphone: () => void;
  readonly camera: () => void;
  readonly screen: () => void;
  readonly chat: () => void;
  readonly people: () => void;
  readonly fullscreen: () => void;
  readonly help: () => void;
  readonly close: () => void;
  /** Called with true when Space goes down while muted, and with false when it comes up again. */
  readonly talk: (on: boolean) => void;
  readonly isMuted: () => boolean;
}

const keys: Readonly<Record<string, Exclude<keyof ShortcutActions, 'talk' | 'isMuted'>>> = {
  m: 'microphone',
  v: 'camera',
  s: 'screen',
  c: 'chat',
  p: 'people',
  f: 'fullscreen',
  '?': 'help',
  Escape: 'close',
};

const matches = (target: EventTarget | null, selector: string): boolean =>
  target instanceof Element && target.closest(selector) !== null;

/** Where letters are text, or a dialog or menu has keys of its own. */
const isTaken = (target: EventTarget | null): boolean =>
  matches(target, 'input, textarea, select, [contenteditable], [role=dialog], [role=menu], [role=listbox]');

/** Keyboard shortcuts of the room. They are single keys, so they step back wherever keys have another meaning. */
export function useShortcuts(actions: ShortcutActions): void {
  useEffect(() => {
    const abort = new AbortController();
    const options = { signal: abort.signal };
    let talking = false;
    const stopTalking = (): void => {
      if (talking) actions.talk(false);
      talking = false;
    };
    document.addEventListener(
      'keydown',
      (event) => {
        if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
        // Esc closes the panel from inside its text field, too.
        if (isTaken(event.target) && !(event.key === 'Escape' && matches(event.target, 'aside'))) return;
        if (event.key === ' ') {
          // On a focused control Space presses it.
          if (matches(event.target, 'button, a, [role=button]')) return;
          event.preventDefault();
          if (event.repeat || talking || !actions.isMuted()) return;
          talking = true;
          actions.talk(true);
          return;
        }
        const action = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
        if (action === undefined || event.repeat) return;
        event.preventDefault();
        actions[action]();
      },
      options,
    );
    document.addEventListener(
      'keyup',
      (event) => {
        if (event.key === ' ') stopTalking();
      },
      options,
    );
    // The key may come up in another window.
    window.addEventListener('blur', stopTalking, options);
    return () => {
      stopTalking();
      abort.abort();
    };
  }, [actions]);
}
