import type { RpcLog } from '../../../daemon/rpc/faults.js';

export interface LogLine {
  readonly level: string;
  readonly data: object;
  readonly message: string;
}

/** What was logged: a line of level error is a fault that a test must expect. */
export function memoryLog(): RpcLog & { readonly lines: LogLine[] } {
  const lines: LogLine[] = [];
  const at = (level: string) => (data: object, message: string) => void lines.push({ level, data, message });
  return { lines, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}
