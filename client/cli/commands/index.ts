import type { Command } from '../command.js';
import { adopt, release } from './adopt.js';
import { ping, update, upgrade } from './agent.js';
import { attach, detach } from './attach.js';
import { boot } from './boot.js';
import { completion } from './completion.js';
import { events } from './events.js';
import { explain } from './explain.js';
import { extend } from './extend.js';
import { guestCheck, prepare } from './guest.js';
import { help } from './help.js';
import { install, uninstall } from './install.js';
import { names } from './names.js';
import { check, gc, networks } from './network.js';
import { plan } from './plan.js';
import { ps } from './ps.js';
import { reconcile } from './reconcile.js';
import { restore } from './restore.js';
import { rpc } from './rpc.js';
import * as snapshot from './snapshot.js';
import { stop } from './stop.js';
import { doctor, info } from './system.js';
import { timeline } from './timeline.js';
import { pause, resume, show } from './vm.js';

/** Every command of `thaw`, in the order of its help. */
export const commands: readonly Command[] = [
  boot,
  snapshot.create,
  snapshot.list,
  snapshot.show,
  snapshot.verify,
  snapshot.remove,
  restore,
  plan,
  ps,
  show,
  pause,
  resume,
  extend,
  adopt,
  release,
  stop,
  attach,
  detach,
  update,
  upgrade,
  ping,
  timeline,
  events,
  explain,
  prepare,
  guestCheck,
  networks,
  check,
  gc,
  doctor,
  reconcile,
  info,
  rpc,
  install,
  uninstall,
  completion,
  help,
  names,
];
