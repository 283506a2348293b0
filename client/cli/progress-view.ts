import { ProgressBoard, type Report, stepWords } from './progress.js';
import type { Terminal } from './terminal.js';
import { clean } from './text.js';

/** Where progress goes while a request waits. */
export interface ProgressView {
  report(report: Report): void;
  /** Writes whole lines above those of the progress. */
  above(text: string): void;
  /** Takes its lines away, so that the answer stands alone. */
  end(): void;
}

const silentView = (terminal: Terminal): ProgressView => ({
  report: () => undefined,
  above: (text) => terminal.write(text),
  end: () => undefined,
});

/** A line for each step that ends: for logs, and for terminals whose cursor can't be moved. */
function plainView(terminal: Terminal): ProgressView {
  return {
    ...silentView(terminal),
    report: ({ vm, operation, step, state }) => {
      if (state !== 'began') terminal.write(`${clean(vm ?? operation)}  ${stepWords(step, state)}\n`);
    },
  };
}

const frameMs = 80;
// A command that answers at once shall not flicker.
const patienceMs = 150;

function liveView(terminal: Terminal): ProgressView {
  const began = performance.now();
  const board = new ProgressBoard(began);
  let drawn = 0;
  const erase = (): string => (drawn === 0 ? '' : `\u001b[${drawn}A\u001b[0J`);
  const draw = (): void => {
    const now = performance.now();
    if (now - began < patienceMs) return;
    const { columns, rows } = terminal.size();
    const lines = board.lines(now, { width: columns - 1, rows, paint: terminal.paint });
    terminal.write(`${erase()}${lines.join('\n')}\n`);
    drawn = lines.length;
  };
  const timer = setInterval(draw, frameMs);
  return {
    report: (report) => void board.take(report, performance.now()),
    above: (text) => {
      terminal.write(erase() + text);
      drawn = 0;
    },
    end: () => {
      clearInterval(timer);
      if (drawn > 0) terminal.write(erase());
      drawn = 0;
    },
  };
}

/** @param how `auto`, `plain` or `off`, as `--progress` says */
export function openProgress(terminal: Terminal, how: string): ProgressView {
  if (how === 'off') return silentView(terminal);
  if (how === 'plain') return plainView(terminal);
  if (!terminal.isTerminal) return silentView(terminal);
  return terminal.movesCursor ? liveView(terminal) : plainView(terminal);
}
