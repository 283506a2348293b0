import { z } from 'zod';
import type { ErrorInfo, Method } from './define.js';
import { Dropped, ThawEvent } from './events.js';
import { methods } from './index.js';
import { CancelParams, ProgressParams } from './rpc.js';
import { contractVersion } from './system.js';

/** The contract as an OpenRPC document (spec.open-rpc.org), whose schemas are JSON Schema draft 7. */
export interface OpenRpcDocument {
  readonly openrpc: '1.3.2';
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly methods: readonly object[];
  /** What goes without an answer; OpenRPC itself has no place for it. */
  readonly 'x-notifications': readonly object[];
}

type JsonSchema = Readonly<Record<string, unknown>>;

/** Makes the document from the registry. Takes some milliseconds: keep what it answers. */
export function openrpcDocument(): OpenRpcDocument {
  return {
    openrpc: '1.3.2',
    info: {
      title: 'thaw',
      version: contractVersion,
      description:
        'JSON-RPC 2.0, one message or batch per line, over a Unix socket. Params go by name; unknown ones are refused. ' +
        'Match on the `reason` of an error’s data, never on its message.',
    },
    methods: Object.values(methods).map(methodObject),
    'x-notifications': [
      notification('$/cancelRequest', 'client', CancelParams),
      notification('$/progress', 'daemon', ProgressParams),
      notification('events.event', 'daemon', ThawEvent),
      notification('events.dropped', 'daemon', Dropped),
    ],
  };
}

function methodObject(method: Method): object {
  return {
    name: method.name,
    summary: method.summary,
    paramStructure: 'by-name',
    params: descriptors(schemaOf(method.params, 'input')),
    result: { name: 'result', schema: schemaOf(method.result, 'output') },
    errors: method.errors.map(errorObject),
    'x-access': method.access,
    'x-progress': method.progress,
  };
}

/** Each property of the params as OpenRPC has it: a descriptor with a name. */
function descriptors(params: JsonSchema): object[] {
  const { properties, required } = params;
  if (typeof properties !== 'object' || properties === null) return [];
  const needed = Array.isArray(required) ? required : [];
  return Object.entries(properties).map(([name, schema]: [string, unknown]) => ({
    name,
    required: needed.includes(name),
    schema,
  }));
}

/** Codes and words with `{field}` where an error's data goes. */
function errorObject(error: ErrorInfo): object {
  const { message, remedy } = error.template;
  return {
    code: error.code,
    message,
    data: { reason: error.reason, retryable: error.retryable, remedy, fields: Object.keys(error.data.shape) },
  };
}

function notification(name: string, from: 'client' | 'daemon', params: z.ZodType): object {
  return { name, from, params: schemaOf(params, from === 'client' ? 'input' : 'output') };
}

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { target: 'draft-7', io });
  return rest;
}
