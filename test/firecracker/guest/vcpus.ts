/** Whether the guest runs. While it does not, its processes are stopped and whatever would happen in it waits. */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import type { Namespaces } from './namespaces.js';

export class VCpus {
  private waiting: (() => void)[] = [];
  private stopped = false;
  private before: (() => Promise<unknown>) | undefined;

  constructor(
    private readonly namespaces: Namespaces,
    private isRunning: boolean,
  ) {}

  /** Resolves while the guest runs. */
  running(): Promise<void> {
    return this.isRunning ? Promise.resolve() : new Promise((resolve) => this.waiting.push(resolve));
  }

  get paused(): boolean {
    return !this.isRunning;
  }

  /** Work to be done before the first instruction after a restore. */
  first(work: () => Promise<unknown>): void {
    this.before = work;
  }

  async pause(): Promise<void> {
    if (!this.isRunning) return;
    this.isRunning = false;
    this.stopped = await this.signalAll('STOP');
  }

  async resume(): Promise<void> {
    if (this.isRunning) return;
    const work = this.before;
    this.before = undefined;
    if (work) await work();
    if (this.stopped) await this.signalAll('CONT');
    this.stopped = false;
    this.isRunning = true;
    const waiting = this.waiting;
    this.waiting = [];
    for (const go of waiting) go();
  }

  /** Signals every process but init; false where there is none. */
  private async signalAll(signal: 'STOP' | 'CONT'): Promise<boolean> {
    const others = this.namespaces.enter(() =>
      fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name) && name !== '1'),
    );
    if (others.length === 0) return false;
    const killer = this.namespaces.enter(() =>
      spawn('/bin/sh', ['-c', `kill -${signal} -1`], { cwd: '/', stdio: 'ignore' }),
    );
    await new Promise((resolve) => killer.once('close', resolve));
    return true;
  }
}
