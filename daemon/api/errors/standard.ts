// JSON-RPC 2.0's own codes, for what is wrong before any method is reached.
import { ThawError } from '../thaw-error.js';

const standard = (code: number, reason: string, words: { title: string; remedy: string }) => {
  const make = (what: string, data: Readonly<Record<string, unknown>> = {}): ThawError =>
    new ThawError({
      code,
      message: `${words.title}: ${what}`,
      detail: { ...data, reason, retryable: false, remedy: words.remedy },
    });
  const template = { message: `${words.title}: {what}`, remedy: words.remedy };
  return Object.assign(make, { code, reason, retryable: false, template });
};

export const parseError = standard(-32700, 'parse-error', {
  title: 'Not JSON',
  remedy: 'Send one JSON value per line',
});

export const invalidRequest = standard(-32600, 'invalid-request', {
  title: 'Not a JSON-RPC 2.0 request',
  remedy: 'Send {"jsonrpc":"2.0","id":…,"method":…,"params":{…}}, or an array of them that is not empty',
});

export const methodNotFound = standard(-32601, 'method-not-found', {
  title: 'No such method',
  remedy: 'rpc.discover lists the methods of this daemon',
});

export const invalidParams = standard(-32602, 'invalid-params', {
  title: 'Wrong parameters',
  remedy: 'rpc.discover describes the parameters of every method; nothing was done',
});
