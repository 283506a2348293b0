/** What is known of an error before it happens; data stands in braces, e.g. `{vm}`. */
export interface Explanation {
  readonly code: number;
  readonly reason: string;
  /** Whether the same call may succeed later. */
  readonly retryable: boolean;
  readonly message: string;
  readonly remedy: string;
  /** Methods that name it; what any of them can end in is named by none. */
  readonly methods: readonly string[];
}
