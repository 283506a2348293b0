import type { ThawEvent } from '../../../daemon/api/events.js';
import type { EventItem, EventPosition } from '../../index.js';
import { defineCommand } from '../command.js';
import { exit } from '../exit.js';
import { clean, pad } from '../text.js';
import { pointOfTime } from '../units.js';
import { usage } from '../usage.js';

const typeWidth = 16;

function eventLine(event: ThawEvent): string {
  const what = [event.vm, event.snapshot, event.operation].filter((word) => word !== null);
  const detail = event.detail === undefined ? [] : [JSON.stringify(event.detail)];
  return `${pointOfTime(event.at)}  ${pad(event.type, typeWidth)}  ${clean([...what, ...detail].join('  '))}`;
}

function itemLine(item: EventItem): string {
  switch (item.kind) {
    case 'event':
      return eventLine(item.event);
    case 'state': {
      const vms = item.vms.map((vm) => `${vm.name} ${vm.word}`).join(', ') || 'no VMs';
      return clean(`${pad('state', 19)}  ${pad(`${item.epoch}:${item.seq}`, typeWidth)}  ${vms}`);
    }
    case 'dropped':
      return `${pad('dropped', 19)}  ${item.from} to ${item.to}: read too slowly`;
  }
}

function readPosition(text: string): EventPosition {
  const match = /^(.{1,64}):(\d{1,15})$/.exec(text);
  if (match === null)
    throw usage(`--since ${text}: give it as EPOCH:NUMBER`, 'As a line of `thaw events --json` tells them');
  const [, epoch = '', seq = ''] = match;
  return { epoch, seq: Number(seq) };
}

export const events = defineCommand({
  name: 'events',
  summary:
    'The state now, then everything that happens, until interrupted; survives a restart of the daemon.',
  options: {
    since: {
      type: 'text',
      value: 'EPOCH:NUMBER',
      summary: 'go on after this event; where the daemon no longer knows it, the state comes first',
    },
  },
  details: [
    'With --json one line each: {"kind":"state"|"event"|"dropped", …}. An epoch is one life of the daemon; its events are numbered without gaps.',
    'Ends with exit code 0 when interrupted.',
  ],
  examples: ['thaw events --json | jq -r \'select(.kind == "event") | .event.type\''],
  async run({ values }, cli) {
    const since = values.since === undefined ? undefined : readPosition(values.since);
    for await (const item of cli.events(since)) {
      cli.line({ value: item, lines: () => [itemLine(item)] });
    }
    return exit.ok;
  },
});
