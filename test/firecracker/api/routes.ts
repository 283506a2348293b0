/** From method, path and body to an action (src/firecracker/src/api_server/parsed_request.rs and request/). */
import { Fault } from '../errors.js';
import type { Version } from '../versions.js';
import * as bodies from './bodies.js';
import type { HttpRequest, Method } from './http-connection.js';
import type { Action } from './actions.js';
import type { Codec } from './serde/codec.js';
import { SerdeError } from './serde/reader.js';
import { fromSlice } from './serde/struct.js';

/** Decodes a body, or the fault that names what is wrong with it. */
function decode<T>(codec: Codec<T>, body: Buffer): T {
  try {
    return fromSlice(codec, body);
  } catch (error) {
    if (error instanceof SerdeError) throw serdeFault(error.message);
    throw error;
  }
}
const serdeFault = (message: string): Fault =>
  new Fault(`An error occurred when deserializing the json body of a request: ${message}.`);

function checkedId(id: string | undefined): string {
  if (id === undefined || id === '') throw new Fault('The ID cannot be empty.');
  if (!/^[_\p{Alphabetic}\p{N}]*$/u.test(id)) {
    throw new Fault('API Resource IDs can only contain alphanumeric characters and underscores.');
  }
  return id;
}

const invalidPath = (method: Method, path: string): Fault =>
  new Fault(`Invalid request method and/or path: ${method} ${path}.`);

const withoutBody: Record<Method, string> = {
  GET: 'GET request cannot have a body.',
  PUT: 'Empty PUT request.',
  PATCH: 'Empty PATCH request.',
  DELETE: 'Empty Delete request.',
};

function sameNicId(path: string, body: string): void {
  if (path !== body) {
    throw new Fault(`The id from the path [${path}] does not match the id from the body [${body}]!`);
  }
}
function sameId(path: string, body: string): void {
  if (path !== body) throw new Fault('The id from the path does not match the id from the body!');
}

type Route = (tokens: readonly string[], body: Buffer, version: Version) => Action;

const puts: Record<string, Route> = {
  actions: (_, body) => {
    const { action_type } = decode(bodies.action, body);
    if (action_type === 'InstanceStart') return { is: 'start' };
    return action_type === 'FlushMetrics' ? { is: 'flush-metrics' } : { is: 'ctrl-alt-del' };
  },
  balloon: (_, body) => ({ is: 'set-balloon', config: decode(bodies.balloon, body) }),
  'boot-source': (_, body) => ({ is: 'set-boot-source', config: decode(bodies.bootSource, body) }),
  'cpu-config': (_, body) => ({ is: 'set-cpu', config: decode(bodies.mmdsData, body) }),
  drives: ([, id], body) => {
    const wanted = checkedId(id);
    const config = decode(bodies.drive, body);
    sameId(wanted, config.drive_id);
    return { is: 'insert-drive', config };
  },
  entropy: (_, body) => ({ is: 'set-entropy', config: decode(bodies.entropy, body) }),
  logger: (_, body) => ({ is: 'set-logger', config: decode(bodies.logger, body) }),
  'machine-config': (_, body, version) => {
    const config = decode(bodies.machine(version), body);
    return { is: 'update-machine', update: config, deprecated: config.cpu_template !== null };
  },
  metrics: (_, body, version) => ({ is: 'set-metrics', config: decode(bodies.metrics(version), body) }),
  mmds: ([, what], body) => {
    if (what === undefined) return { is: 'put-mmds', data: decode(bodies.mmdsData, body) };
    if (what !== 'config') throw new Fault(`Unrecognized PUT request path \`${what}\`.`);
    const config = decode(bodies.mmdsConfig, body);
    return { is: 'set-mmds', config, deprecated: config.version === 'V1' };
  },
  'network-interfaces': ([, id], body, version) => {
    const wanted = checkedId(id);
    const config = decode(bodies.nic(version), body);
    sameNicId(wanted, config.iface_id);
    return { is: 'insert-nic', config };
  },
  pmem: ([, id], body) => {
    const wanted = checkedId(id);
    const config = decode(bodies.pmem, body);
    sameId(wanted, config.id);
    return { is: 'insert-pmem', id: config.id };
  },
  snapshot: ([, what], body, version) => {
    if (what === undefined) throw new Fault('Missing snapshot operation type.');
    if (what === 'create') return { is: 'create-snapshot', params: decode(bodies.createSnapshot, body) };
    if (what !== 'load') throw invalidPath('PUT', `/snapshot/${what}`);
    return loadSnapshot(decode(bodies.loadSnapshot(version), body), version);
  },
  vsock: (_, body) => {
    const config = decode(bodies.vsock, body);
    return { is: 'set-vsock', config, deprecated: config.vsock_id !== null };
  },
};

function loadSnapshot(params: bodies.LoadSnapshot, version: Version): Action {
  const { mem_backend, mem_file_path } = params;
  if (mem_backend && mem_file_path !== null) {
    throw serdeFault('too many fields: either `mem_backend` or `mem_file_path` exclusively is required');
  }
  if (!mem_backend && mem_file_path === null) {
    throw serdeFault('missing field: either `mem_backend` or `mem_file_path` is required');
  }
  const deprecated =
    mem_file_path !== null ||
    (params.enable_diff_snapshots && version.loadFields.includes('track_dirty_pages'));
  return { is: 'load-snapshot', params, deprecated };
}

const patches: Record<string, Route> = {
  balloon: ([, what], body) => {
    if (what === 'statistics') {
      decode(bodies.balloonStatsUpdate, body);
      return { is: 'update-balloon-statistics' };
    }
    return { is: 'update-balloon', update: decode(bodies.balloonUpdate, body) };
  },
  drives: ([, id], body) => {
    const wanted = checkedId(id);
    const update = decode(bodies.driveUpdate, body);
    sameId(wanted, update.drive_id);
    return { is: 'update-drive', update };
  },
  'machine-config': (_, body, version) => {
    const update = decode(bodies.machineUpdate(version), body);
    if (Object.values(update).every((value) => value === null)) throw new Fault(withoutBody.PATCH);
    return { is: 'update-machine', update, deprecated: update.cpu_template !== null };
  },
  mmds: (_, body) => ({ is: 'patch-mmds', data: decode(bodies.mmdsData, body) }),
  'network-interfaces': ([, id], body) => {
    const wanted = checkedId(id);
    const update = decode(bodies.nicUpdate, body);
    sameNicId(wanted, update.iface_id);
    return { is: 'update-nic', update };
  },
  vm: (_, body) => (decode(bodies.vmState, body).state === 'Paused' ? { is: 'pause' } : { is: 'resume' }),
};

function get(tokens: readonly string[]): Action | undefined {
  switch (tokens[0] ?? '') {
    case '':
      return { is: 'get-instance' };
    case 'version':
      return { is: 'get-version' };
    case 'machine-config':
      return { is: 'get-machine' };
    case 'mmds':
      return { is: 'get-mmds' };
    case 'vm':
      return tokens[1] === 'config' ? { is: 'get-config' } : undefined;
    case 'balloon':
      if (tokens[1] === undefined) return { is: 'get-balloon' };
      if (tokens[1] === 'statistics') return { is: 'get-balloon-statistics' };
      throw new Fault(`Unrecognized GET request path \`${tokens[1]}\`.`);
    default:
      return undefined;
  }
}

const unpluggable: Record<string, 'drive' | 'nic'> = { drives: 'drive', 'network-interfaces': 'nic' };

/** The action that a request asks for, or the fault that refuses it before the VMM hears of it. */
export function route(request: HttpRequest, version: Version): Action {
  const { method, body } = request;
  const trimmed = request.path.replace(/^\/+/, '');
  const tokens = trimmed === '' ? [] : (trimmed.endsWith('/') ? trimmed.slice(0, -1) : trimmed).split('/');
  const first = tokens[0] ?? '';
  const tableOf = { PUT: puts, PATCH: patches, GET: undefined, DELETE: undefined }[method];

  if (method === 'GET') {
    if (body) throw new Fault(withoutBody.GET);
    const action = get(tokens);
    if (action) return action;
  } else if (method === 'DELETE') {
    if (body) throw new Fault(withoutBody.DELETE);
    // Before 1.16 there is no such route at all.
    const kind = version.hotplug && Object.hasOwn(unpluggable, first) ? unpluggable[first] : undefined;
    if (kind) return { is: 'unplug', kind, id: checkedId(tokens[1]) };
  } else if (!body) {
    throw new Fault(withoutBody[method]);
  } else if (method === 'PUT' && first === 'serial' && version.serial) {
    return { is: 'set-serial', config: decode(bodies.serial, body) };
  } else if (tableOf && Object.hasOwn(tableOf, first)) {
    const handler = tableOf[first];
    if (handler) return handler(tokens, body, version);
  }
  throw invalidPath(method, first);
}
