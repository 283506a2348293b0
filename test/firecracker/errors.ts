/** What a request ends with instead of an answer: an HTTP status and Firecracker's `fault_message`. */
export class Fault extends Error {
  constructor(
    message: string,
    readonly status = 400,
  ) {
    super(message);
  }
}

/** A fault after which the process is of no more use: it answers, then exits 1 (fact 6). */
export class FatalFault extends Fault {}
