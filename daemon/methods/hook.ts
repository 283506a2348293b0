import type { Containers } from '../containers/containers.js';
import type { Handlers } from './call.js';
import { follow } from './follow.js';

/** What container runtimes say of their containers. */
export function hookHandlers({ containers }: { containers: Containers }): Pick<Handlers, 'hook.invoke'> {
  return {
    'hook.invoke': ({ stage, state, timeout }, call) => {
      switch (stage) {
        case 'createRuntime':
          return containers.create(state, {
            uid: call.peer.uid,
            signal: call.signal,
            timeout,
            follow: follow(call),
          });
        case 'poststart':
          return containers.check(state);
        case 'poststop':
          return containers.release(state);
        default:
          return stage satisfies never;
      }
    },
  };
}
