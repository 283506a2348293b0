import { z } from 'zod';
import { ThawError } from './thaw-error.js';

type Data = Readonly<Record<string, unknown>>;

/** What is known of an error before it happens: what documentation and clients see. */
export interface ErrorInfo {
  readonly code: number;
  readonly reason: string;
  readonly retryable: boolean;
  readonly data: z.ZodObject;
  /** The message and remedy with `{field}` where the data goes; documentation is made from them. */
  readonly template: { readonly message: string; readonly remedy: string };
}

/** One entry of the error registry: called, it makes the error to throw. */
export interface ErrorEntry<S extends z.ZodObject = z.ZodObject> extends ErrorInfo {
  (data: z.output<S>, options?: ErrorOptions): ThawError;
  /** Whether `error` was made by this entry. */
  is(error: unknown): error is ThawError;
}

/**
 * Declares an error. Codes are positive, unique and never reused (a test holds it), so they can't meet the
 * −32768…−32000 that JSON-RPC keeps for itself.
 */
export function defineError<S extends z.ZodObject>(spec: {
  code: number;
  reason: string;
  retryable: boolean;
  data: S;
  message: (data: z.output<S>) => string;
  remedy: (data: z.output<S>) => string;
}): ErrorEntry<S> {
  const make = (data: z.output<S>, options?: ErrorOptions): ThawError =>
    new ThawError(
      {
        code: spec.code,
        message: spec.message(data),
        detail: {
          ...(data as Data),
          reason: spec.reason,
          retryable: spec.retryable,
          remedy: spec.remedy(data),
        },
      },
      options,
    );
  const placeholders = Object.fromEntries(
    Object.entries(spec.data.shape).map(([key, type]) => [
      key,
      type instanceof z.ZodArray ? [`{${key}}`] : `{${key}}`,
    ]),
  ) as z.output<S>;
  return Object.assign(make, {
    code: spec.code,
    reason: spec.reason,
    retryable: spec.retryable,
    data: spec.data,
    template: { message: spec.message(placeholders), remedy: spec.remedy(placeholders) },
    is: (error: unknown): error is ThawError => error instanceof ThawError && error.code === spec.code,
  });
}

/** Who may call: `read` for the socket's group, `change` for root and the users of the configuration. */
export type Access = 'read' | 'change';

/** A method as data: the dispatcher, the client's types, `rpc.discover` and the CLI's names all come from it. */
export interface Method<
  N extends string = string,
  P extends z.ZodType = z.ZodType,
  R extends z.ZodType = z.ZodType,
> {
  readonly name: N;
  readonly summary: string;
  readonly access: Access;
  /** Strict: an unknown key is refused before any effect. */
  readonly params: P;
  /** Tolerant: clients ignore what they don't know. */
  readonly result: R;
  readonly errors: readonly ErrorInfo[];
  /** True where `progressToken` in the params brings `$/progress` notifications. */
  readonly progress: boolean;
}

/** Declares a method; see {@link Method}. */
export function defineMethod<const N extends string, P extends z.ZodType, R extends z.ZodType>(
  spec: Omit<Method<N, P, R>, 'progress' | 'errors'> & {
    errors?: readonly ErrorInfo[];
    progress?: boolean;
  },
): Method<N, P, R> {
  return { ...spec, errors: spec.errors ?? [], progress: spec.progress ?? false };
}
