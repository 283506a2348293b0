// The client library of thaw: `import { connect } from 'thaw'`.
export { ThawError, type ErrorDetail } from '../daemon/api/thaw-error.js';
export type { MethodName, ParamsOf, ResultOf } from '../daemon/api/index.js';
export { connect, type ThawClient } from './client.js';
export { clientErrors } from './errors.js';
export type { ErrorReason } from './errors.gen.js';
export { isThawError } from './guard.js';
export type { EventItem, EventOptions, EventPosition } from './events.js';
export type { CallOptions, ConnectOptions, Progress, ReconnectOptions } from './types.js';
