import i18next from 'i18next';
import { initReactI18next } from 'react-i18next';
import { readSetting, writeSetting } from '../memory/settings.ts';
import { en } from './en.ts';
import { ja } from './ja.ts';
import type { Texts } from './texts.ts';

declare module 'i18next' {
  interface CustomTypeOptions {
    resources: { translation: Texts };
  }
}

export const languages = [
  { code: 'en', name: 'English' },
  { code: 'ja', name: '日本語' },
] as const;

export type LanguageCode = (typeof languages)[number]['code'];

const isLanguage = (code: string): code is LanguageCode => languages.some((language) => language.code === code);

/** The first language that somebody prefers and the app has; English when there is none. */
export function chooseLanguage(chosen: string | undefined, preferred: readonly string[]): LanguageCode {
  for (const tag of chosen === undefined ? preferred : [chosen, ...preferred]) {
    const [code = ''] = tag.toLowerCase().split('-');
    if (isLanguage(code)) return code;
  }
  return 'en';
}

/** Loads the texts. They are part of the bundle, so this is done before the first picture is drawn. */
export function setUpTexts(): void {
  void i18next.use(initReactI18next).init({
    lng: chooseLanguage(readSetting('language'), navigator.languages),
    fallbackLng: 'en',
    resources: { en: { translation: en }, ja: { translation: ja } },
    interpolation: { escapeValue: false }, // React escapes
    initAsync: false,
  });
  document.documentElement.lang = i18next.language;
}

/** Changes the language now and for the next visit. */
export function setLanguage(code: LanguageCode): void {
  writeSetting('language', code);
  document.documentElement.lang = code;
  void i18next.changeLanguage(code);
}
