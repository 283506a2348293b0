import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Box } from './box.js';

const program = fileURLToPath(new URL('capture.program.js', import.meta.url));

/** A frame as an interface saw it. */
export interface Frame {
  readonly on: string;
  readonly hex: string;
}

/** All frames that pass any interface of a box, the ports of its bridges included. */
export class Capture {
  readonly frames: Frame[] = [];
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start(box: Box): Promise<Capture> {
    const [command, args] = box.inside([process.execPath, program]);
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    const capture = new Capture(child);
    const lines = createInterface(child.stdout);
    await once(lines, 'line');
    lines.on('line', (line) => {
      const [on = '', hex = ''] = line.split(' ');
      capture.frames.push({ on, hex });
    });
    return capture;
  }

  /** Ends it and gives what it saw. */
  async stop(): Promise<readonly Frame[]> {
    // What was sent a moment ago is still on its way through the pipe.
    await sleep(50);
    this.#child.stdin?.end();
    await once(this.#child, 'close');
    return this.frames;
  }
}

/** Whether a frame holds a MAC or an IPv4 address anywhere. */
export const holds = (frame: Frame, what: string): boolean =>
  frame.hex.includes(
    what.includes(':') ? what.replaceAll(':', '') : Buffer.from(what.split('.').map(Number)).toString('hex'),
  );
