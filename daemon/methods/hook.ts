import type { CheckedParamsOf } from '../api/index.js';
import type { Containers } from '../containers/containers.js';
import type { Log } from '../log/logger.js';
import type { Call, Handlers } from './call.js';
import { follow } from './follow.js';

interface HookParts {
  readonly containers: Containers;
  readonly log: Log;
}

/** What container runtimes say of their containers. */
export function hookHandlers({ containers, log }: HookParts): Pick<Handlers, 'hook.invoke'> {
  const invoke = ({ stage, state, timeout }: CheckedParamsOf<'hook.invoke'>, call: Call) => {
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
  };
  return {
    'hook.invoke': async (params, call) => {
      try {
        return await invoke(params, call);
      } catch (err) {
        // Not every runtime shows its user what a hook has said.
        const { stage, state } = params;
        log.warn({ stage, container: state.id, err }, 'a container does not get its clone');
        throw err;
      }
    },
  };
}
