/** Refusals of calls that come at the wrong time. */
import { Fault } from '../errors.js';

export const notBeforeBoot = (): Fault =>
  new Fault('The requested operation is not supported before starting the microVM.');
export const notAfterBoot = (): Fault =>
  new Fault('The requested operation is not supported after starting the microVM.');
