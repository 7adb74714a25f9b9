import { useSyncExternalStore } from 'react';

const changed = 'hiroba:address';

function subscribe(listener: () => void): () => void {
  window.addEventListener('popstate', listener);
  window.addEventListener(changed, listener);
  return () => {
    window.removeEventListener('popstate', listener);
    window.removeEventListener(changed, listener);
  };
}

/** The present path and query. */
export function useAddress(): { readonly pathname: string; readonly search: string } {
  const address = useSyncExternalStore(subscribe, () => location.pathname + location.search);
  const [pathname = '/'] = address.split('?');
  return { pathname, search: address.slice(pathname.length) };
}

/** Goes to another page of the app without loading anything. */
export function navigate(path: string): void {
  history.pushState(null, '', path);
  window.dispatchEvent(new Event(changed));
  window.scrollTo(0, 0);
}
