/** A random mark of ours that the server gives back. (`crypto.randomUUID` does not exist on insecure pages.) */
export function newMark(): string {
  return Array.from(crypto.getRandomValues(new Uint32Array(3)), (word) => word.toString(36)).join('');
}
