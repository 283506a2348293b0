/** What a request asks the VMM to do (`VmmAction` of src/vmm/src/rpc_interface.rs). */
import type * as bodies from './bodies.js';
import type { Decoded } from './serde/codec.js';

type Body<K extends keyof typeof bodies> = Decoded<(typeof bodies)[K]>;

export type Action =
  | { is: 'get-instance' | 'get-version' | 'get-machine' | 'get-mmds' | 'get-config' | 'get-balloon' }
  | { is: 'get-balloon-statistics' | 'update-balloon-statistics' | 'flush-metrics' | 'ctrl-alt-del' }
  | { is: 'start' | 'pause' | 'resume' }
  | { is: 'set-boot-source'; config: bodies.BootSource }
  | { is: 'update-machine'; update: bodies.MachineUpdate; deprecated: boolean }
  | { is: 'set-balloon'; config: Body<'balloon'> }
  | { is: 'update-balloon'; update: Body<'balloonUpdate'> }
  | { is: 'set-cpu'; config: unknown }
  | { is: 'set-entropy'; config: Body<'entropy'> }
  | { is: 'set-logger'; config: bodies.Logger }
  | { is: 'set-metrics'; config: { metrics_path: string } }
  | { is: 'set-serial'; config: Body<'serial'> }
  | { is: 'set-mmds'; config: Body<'mmdsConfig'>; deprecated: boolean }
  | { is: 'put-mmds' | 'patch-mmds'; data: unknown }
  | { is: 'set-vsock'; config: bodies.Vsock; deprecated: boolean }
  | { is: 'insert-drive'; config: bodies.Drive }
  | { is: 'update-drive'; update: Body<'driveUpdate'> }
  | { is: 'insert-pmem'; id: string }
  | { is: 'insert-nic'; config: bodies.Nic }
  | { is: 'update-nic'; update: Body<'nicUpdate'> }
  | { is: 'unplug'; kind: 'drive' | 'nic'; id: string }
  | { is: 'create-snapshot'; params: bodies.CreateSnapshot }
  | { is: 'load-snapshot'; params: bodies.LoadSnapshot; deprecated: boolean };
