import type { en } from './en.ts';

type Words<T> = { readonly [K in keyof T]: T[K] extends string ? string : Words<T[K]> };

/** What every language has to say: the keys of the English texts. */
export type Texts = Words<typeof en>;
