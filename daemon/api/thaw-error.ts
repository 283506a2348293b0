/** What a caller may do next, and why: the part of an error that travels beside its message. */
export interface ErrorDetail {
  /** Stable machine word, e.g. `tap-busy`: match on this, never on the message. */
  readonly reason: string;
  /** True where the same call may succeed later without anybody changing anything by hand. */
  readonly retryable: boolean;
  /** One sentence that tells a person what to do. */
  readonly remedy: string;
  /** The operation that failed; `vm.timeline` still answers for it. */
  readonly operation?: string;
  readonly [key: string]: unknown;
}

/** The one error class of thaw: an entry of the registry with its data filled in. Made by calling the entry. */
export class ThawError extends Error {
  readonly code: number;
  readonly detail: ErrorDetail;

  constructor(fault: { code: number; message: string; detail: ErrorDetail }, options?: ErrorOptions) {
    super(fault.message, options);
    this.name = 'ThawError';
    this.code = fault.code;
    this.detail = fault.detail;
  }

  get reason(): string {
    return this.detail.reason;
  }

  /** The same error with the operation named in which it happened; the first one named stays. */
  within(operation: string): ThawError {
    return this.detail.operation === undefined
      ? this.#but(this.message, { ...this.detail, operation })
      : this;
  }

  /** The same error with what is known besides, as a sentence for people and as data for programs. */
  adding(sentence: string, data: Readonly<Record<string, unknown>>): ThawError {
    return this.#but(`${this.message}. ${sentence}`, { ...data, ...this.detail });
  }

  /** The same error with more data for programs. */
  knowing(data: Readonly<Record<string, unknown>>): ThawError {
    return this.#but(this.message, { ...data, ...this.detail });
  }

  /** A copy: many operations may have ended for one reason, e.g. a cancelled request. */
  #but(message: string, detail: ErrorDetail): ThawError {
    const copy = new ThawError({ code: this.code, message, detail }, { cause: this.cause });
    if (this.stack !== undefined) copy.stack = this.stack;
    return copy;
  }
}
