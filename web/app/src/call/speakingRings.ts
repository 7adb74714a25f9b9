import type { ParticipantId, Speaker } from '@hiroba/sdk';

/**
 * Lights the ring of who speaks. Levels come several times a second for several people, so they go straight into the
 * style of the elements, and React draws nothing.
 */
export class SpeakingRings {
  readonly #elements = new Map<ParticipantId, Set<HTMLElement>>();
  #speakers: readonly Speaker[] = [];

  /** Adds an element that shows the participant; the returned function takes it away. */
  add(participant: ParticipantId, element: HTMLElement): () => void {
    const elements = this.#elements.get(participant) ?? new Set();
    this.#elements.set(participant, elements.add(element));
    light(element, this.#speakers.find((speaker) => speaker.participant === participant)?.level);
    return () => {
      elements.delete(element);
      if (elements.size === 0) this.#elements.delete(participant);
    };
  }

  /** Replaces who speaks. */
  update(speakers: readonly Speaker[]): void {
    const before = this.#speakers;
    this.#speakers = speakers;
    for (const { participant, level } of speakers) this.#light(participant, level);
    for (const { participant } of before) {
      if (!speakers.some((speaker) => speaker.participant === participant)) this.#light(participant, undefined);
    }
  }

  #light(participant: ParticipantId, level: number | undefined): void {
    for (const element of this.#elements.get(participant) ?? []) light(element, level);
  }
}

function light(element: HTMLElement, level: number | undefined): void {
  if (level === undefined) {
    delete element.dataset['speaking'];
    return;
  }
  element.dataset['speaking'] = 'true';
  element.style.setProperty('--level', level.toFixed(2));
}
