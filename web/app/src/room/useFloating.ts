import { type PointerEvent as ReactPointerEvent, useState } from 'react';
import { type Corner, cornerBox, nearestCorner } from '../layout/corner.ts';
import type { Box, Size } from '../layout/grid.ts';

/** A box in a corner of the floor that can be dragged to another one. */
export interface Floating {
  readonly box: Box;
  readonly isDragging: boolean;
  readonly onPointerDown: (event: ReactPointerEvent) => void;
}

/** Floats something above the floor. It always comes to rest in a corner, so it covers as little as can be. */
export function useFloating(area: Size, isLarge: boolean): Floating {
  const [corner, setCorner] = useState<Corner>('bottom-end');
  const [by, setBy] = useState<{ readonly x: number; readonly y: number }>();
  const rest = cornerBox(area, corner, isLarge);

  const onPointerDown = (event: ReactPointerEvent): void => {
    // Its buttons are pressed, not dragged.
    if (event.button !== 0 || (event.target instanceof Element && event.target.closest('button') !== null)) return;
    const { pointerId, clientX, clientY } = event;
    const abort = new AbortController();
    let moved = { x: 0, y: 0 };
    const on = (type: 'pointermove' | 'pointerup' | 'pointercancel', run: (event: PointerEvent) => void): void => {
      window.addEventListener(
        type,
        (next) => {
          if (next.pointerId === pointerId) run(next);
        },
        { signal: abort.signal },
      );
    };
    const end = (): void => {
      abort.abort();
      setCorner(nearestCorner(area, { ...rest, x: rest.x + moved.x, y: rest.y + moved.y }));
      setBy(undefined);
    };
    on('pointermove', (next) => {
      moved = { x: next.clientX - clientX, y: next.clientY - clientY };
      setBy(moved);
    });
    on('pointerup', end);
    on('pointercancel', end);
  };

  return {
    box: by === undefined ? rest : { ...rest, x: rest.x + by.x, y: rest.y + by.y },
    isDragging: by !== undefined,
    onPointerDown,
  };
}
