import type { ReactNode } from 'react';

/** The sign of Hiroba: three seats around an open square, and somebody in it. */
export function Mark(): ReactNode {
  return (
    <svg className="mark" viewBox="0 0 32 32" aria-hidden>
      <rect className="mark-ground" width="32" height="32" rx="8" />
      <rect className="mark-seat" x="6" y="6" width="8" height="8" rx="2.5" />
      <rect className="mark-seat" x="18" y="6" width="8" height="8" rx="2.5" />
      <rect className="mark-seat" x="6" y="18" width="8" height="8" rx="2.5" />
      <circle className="mark-person" cx="22" cy="22" r="4" />
    </svg>
  );
}
