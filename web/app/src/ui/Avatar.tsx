import type { CSSProperties, ReactNode } from 'react';
import { initials, nameHue } from '../names/avatar.ts';

/** The style that gives an element the colour of a name, by the custom property `--hue`. */
export const hueStyle = (name: string): CSSProperties => ({ '--hue': nameHue(name) }) as CSSProperties;

/** The letters of a name on its colour. The name itself stands beside it, so screen readers skip it. */
export function Avatar({ name }: { readonly name: string }): ReactNode {
  return (
    <span className="avatar" style={hueStyle(name)} aria-hidden>
      {initials(name)}
    </span>
  );
}
