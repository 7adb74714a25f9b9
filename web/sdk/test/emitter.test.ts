import { describe, expect, it, vi } from 'vitest';
import { Emitter } from '../src/emitter.ts';

describe('Emitter', () => {
  it('calls listeners of the type until they are taken off', () => {
    const emitter = new Emitter<{ a: number; b: string }>();
    const heard: unknown[] = [];
    const off = emitter.on('a', (value) => heard.push(value));
    emitter.on('b', (value) => heard.push(value));
    emitter.emit('a', 1);
    emitter.emit('b', 'x');
    off();
    emitter.emit('a', 2);
    expect(heard).toEqual([1, 'x']);
  });

  it('takes one function twice as two listeners', () => {
    const emitter = new Emitter<{ a: number }>();
    const listener = vi.fn();
    const off = emitter.on('a', listener);
    emitter.on('a', listener);
    off();
    off();
    emitter.emit('a', 1);
    expect(listener).toHaveBeenCalledOnce();
  });

  it('lets the others hear when one throws', () => {
    const thrown: unknown[] = [];
    vi.stubGlobal('queueMicrotask', (run: () => void) => {
      try {
        run();
      } catch (error) {
        thrown.push(error);
      }
    });
    const emitter = new Emitter<{ a: number }>();
    const listener = vi.fn();
    emitter.on('a', () => {
      throw new Error('mine');
    });
    emitter.on('a', listener);
    emitter.emit('a', 1);
    expect(listener).toHaveBeenCalledOnce();
    expect(thrown).toEqual([new Error('mine')]);
    vi.unstubAllGlobals();
  });
});
