import type { Config } from '../config/schema.js';
import type { Log } from '../log/logger.js';
import type { HostParts } from '../plugins/start.js';

/** What plugins may use of the daemon. */
export function hostParts(config: Config, log: Log): HostParts {
  const own = log.child({ part: 'plugin' });
  return {
    storeDir: config.storeDir,
    runDir: config.runDir,
    log: (level, message, data = {}) => own[level](data, message),
  };
}
