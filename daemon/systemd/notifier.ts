import { notifySend } from '../effects/notify.js';
import type { Context } from '../../plugins/contract.js';

export interface Well {
  /** Milliseconds that the event loop was late at most since it was last asked. */
  readonly lag: number;
  /** Milliseconds since the run of reconcile under way began; null while none is. */
  readonly reconcile: number | null;
}

/** Whether the watchdog is to be told that all is well: within `period` of it. Pure. */
export function isWell({ lag, reconcile }: Well, period: number): boolean {
  return lag < period / 2 && (reconcile === null || reconcile < 10 * period);
}

/** What systemd is told, where it started us with `Type=notify`; elsewhere nothing is. */
export class Notifier {
  readonly #path: string | undefined;
  readonly #period: number | null;
  readonly #cx: Context;
  #timer: NodeJS.Timeout | null = null;
  #status = '';

  /** Takes its variables out of `env`, so that no child takes them for its own. */
  constructor(env: NodeJS.ProcessEnv, pid: number, cx: Context) {
    const { NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID } = env;
    delete env['NOTIFY_SOCKET'];
    delete env['WATCHDOG_USEC'];
    delete env['WATCHDOG_PID'];
    this.#path = NOTIFY_SOCKET;
    const meant = WATCHDOG_PID === undefined || WATCHDOG_PID === String(pid);
    this.#period = meant && /^[1-9]\d*$/.test(WATCHDOG_USEC ?? '') ? Number(WATCHDOG_USEC) / 1000 : null;
    this.#cx = cx;
  }

  /** It listens. From now on the watchdog hears of us while `look` finds us well, and of `status` where that changes. */
  async ready(look: () => Well & { readonly status: string }): Promise<void> {
    if (this.#path === undefined) return;
    this.#status = look().status;
    await this.#say(`READY=1\nSTATUS=${this.#status}`);
    this.#timer = setInterval(() => void this.#tick(look()), Math.min(this.#period ?? 10_000, 10_000) / 3);
    this.#timer.unref();
  }

  async close(): Promise<void> {
    if (this.#timer) clearInterval(this.#timer);
    await this.#say('STOPPING=1\nSTATUS=letting what is under way end; VMs live on');
  }

  async #tick({ status, ...well }: Well & { readonly status: string }): Promise<void> {
    const lines: string[] = [];
    if (this.#period !== null && isWell(well, this.#period)) lines.push('WATCHDOG=1');
    if (status !== this.#status) lines.push(`STATUS=${status}`);
    this.#status = status;
    if (lines.length > 0) await this.#say(lines.join('\n'));
  }

  async #say(text: string): Promise<void> {
    if (this.#path !== undefined) await notifySend({ path: this.#path, text }, this.#cx);
  }
}
