// All that a plugin may import from thaw, beside `daemon/api`.
export type * from './contract/agent.js';
export type * from './contract/container.js';
export * from './contract/context.js';
export * from './contract/effect.js';
export * from './contract/http-answer.js';
export * from './contract/lifecycle.js';
export * from './contract/network.js';
export * from './contract/plugin.js';
export * from './contract/step.js';
export type * from './contract/storage.js';
export type * from './contract/strategy.js';
