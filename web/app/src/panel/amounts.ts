const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const;

/** A size in words, such as `1.2 MB`. */
export function sizeText(bytes: number, language: string): string {
  let value = bytes;
  let step = 0;
  // Change the unit where rounding would show four digits.
  while (value >= 999.5 && step < units.length - 1) {
    value /= 1000;
    step++;
  }
  const unit = units[step] ?? 'byte';
  const maximumFractionDigits = step === 0 || value >= 99.5 ? 0 : 1;
  return new Intl.NumberFormat(language, {
    style: 'unit',
    unit,
    unitDisplay: step === 0 ? 'long' : 'short',
    maximumFractionDigits,
  }).format(value);
}

/** A time to wait in words, such as `40 sec` or `3 min`: nobody wants the seconds of ten minutes. */
export function waitText(seconds: number, language: string): string {
  const [value, unit] =
    seconds < 90
      ? [Math.max(1, Math.round(seconds)), 'second']
      : seconds < 5400
        ? [Math.round(seconds / 60), 'minute']
        : [Math.round(seconds / 3600), 'hour'];
  return new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay: 'short' }).format(value);
}

/** How much of something is done, from 0 to 100; all of nothing is 100. */
export const percentOf = (done: number, total: number): number =>
  total <= 0 ? 100 : Math.min(100, Math.floor((done / total) * 100));
