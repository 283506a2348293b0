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
  detail: ErrorDetail;

  constructor(fault: { code: number; message: string; detail: ErrorDetail }, options?: ErrorOptions) {
    super(fault.message, options);
    this.name = 'ThawError';
    this.code = fault.code;
    this.detail = fault.detail;
  }

  get reason(): string {
    return this.detail.reason;
  }

  /** Names the operation in which it happened; the first one named stays. */
  within(operation: string): this {
    if (this.detail.operation === undefined) this.detail = { ...this.detail, operation };
    return this;
  }

  /** Adds what is known besides, as a sentence for people and as data for programs. */
  adding(sentence: string, data: Readonly<Record<string, unknown>>): this {
    this.message = `${this.message}. ${sentence}`;
    this.detail = { ...data, ...this.detail };
    return this;
  }
}
