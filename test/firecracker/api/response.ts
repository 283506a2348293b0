/** Answers on the wire, byte for byte as micro_http writes them (src/response.rs, src/server.rs). */
export interface Answer {
  readonly status: number;
  readonly body?: string;
  /** A deprecated field was used. */
  readonly deprecated?: boolean;
}

export const noContent: Answer = { status: 204 };

export function ok(value: unknown): Answer {
  return { status: 200, body: JSON.stringify(value) };
}

export function faultAnswer(message: string, status = 400): Answer {
  return { status, body: JSON.stringify({ fault_message: message }) };
}

/** Not valid JSON, as on the real one: the newline is a raw one. */
export function parseErrorAnswer(message: string): Answer {
  return {
    status: 400,
    body: `{ "error": "${message}\nAll previous unanswered requests will be dropped." }`,
  };
}

export const continueAnswer: Answer = { status: 100 };

export const serverFull =
  'HTTP/1.1 503\r\nServer: Firecracker API\r\nConnection: close\r\nContent-Length: 40\r\n\r\n' +
  '{ "error": "Too many open connections" }';

export function encode(answer: Answer): Buffer {
  let head = `HTTP/1.1 ${answer.status} \r\nServer: Firecracker API\r\nConnection: keep-alive\r\n`;
  if (answer.deprecated) head += 'Deprecation: true\r\n';
  const body = Buffer.from(answer.body ?? '');
  if (answer.status !== 204 && answer.status !== 100) {
    head += `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n`;
  }
  return Buffer.concat([Buffer.from(`${head}\r\n`), body]);
}
