import { z } from 'zod';
import { agentGarbled, agentHttpRefused, agentSilent } from '../../../daemon/api/errors/agent.js';
import type { UpdateAnswer } from '../../../daemon/api/shapes/update.js';
import {
  AnswerGarbled,
  AnswerReader,
  type AgentSession,
  type Context,
  type Dial,
  type GuestStream,
  type HttpAnswer,
  type UpdateWish,
} from '../../contract.js';
import { configBody, parse, readAnswer } from './config.js';

interface Ask {
  readonly method: 'GET' | 'PUT';
  readonly path: string;
  readonly body?: object;
}

const health = z.object({ version: z.string() });

/** One conversation with an HTTP agent: over the connection that it was opened with, and others where that is closed. */
export class HttpSession implements AgentSession {
  readonly #vm: string;
  readonly #dial: Dial;
  readonly #token: string | null;
  /** A connection that can be used; those that were dialled here are ours to close. */
  #free: { readonly stream: GuestStream; readonly dialled: boolean; readonly used: boolean } | null;

  constructor(of: { vm: string; stream: GuestStream; dial: Dial; token: string | null }) {
    this.#vm = of.vm;
    this.#dial = of.dial;
    this.#token = of.token;
    this.#free = { stream: of.stream, dialled: false, used: false };
  }

  async hello(cx: Context): Promise<{ version: string | null }> {
    const { body } = await this.#agreed({ method: 'GET', path: '/health' }, cx);
    const said = health.safeParse(parse(body));
    return { version: said.success ? said.data.version : null };
  }

  async ping(cx: Context): Promise<void> {
    await this.#agreed({ method: 'GET', path: '/health' }, cx);
  }

  async update(wish: UpdateWish, cx: Context): Promise<UpdateAnswer> {
    const { body } = await this.#agreed(
      { method: 'PUT', path: '/config', body: configBody(wish, Date.now()) },
      cx,
    );
    const answer = readAnswer(body, wish.parts);
    if (answer) return answer;
    throw agentGarbled({ vm: this.#vm, why: 'its answer to PUT /config has another shape' });
  }

  async prepareDetach(mac: string, cx: Context): Promise<void> {
    await this.#agreed({ method: 'PUT', path: '/detach', body: { vm_id: this.#vm, mac } }, cx);
  }

  close(): void {
    if (this.#free?.dialled) this.#free.stream.close();
    this.#free = null;
  }

  /** @throws agentHttpRefused for a status other than 2xx, agentGarbled, agentSilent */
  async #agreed(ask: Ask, cx: Context): Promise<HttpAnswer> {
    const answer = await this.#ask(ask, cx);
    if (answer.status >= 200 && answer.status < 300) return answer;
    const request = `${ask.method} ${ask.path}`;
    throw agentHttpRefused({ vm: this.#vm, request, status: answer.status, said: answer.body.slice(0, 300) });
  }

  async #ask(ask: Ask, cx: Context): Promise<HttpAnswer> {
    const taken = this.#free;
    this.#free = null;
    if (taken) {
      const answer = await this.#over(taken, ask, cx);
      if (answer) return answer;
    }
    // One that was used before may have been closed meanwhile: what was asked for does no harm twice.
    if (taken?.used !== false) {
      const answer = await this.#over({ stream: await this.#dial(cx), dialled: true }, ask, cx);
      if (answer) return answer;
    }
    throw agentSilent({ vm: this.#vm, milliseconds: 0, why: 'it closed the connection without an answer' });
  }

  /** Asks over one connection; null where it was closed before an answer. */
  async #over(
    { stream, dialled }: { stream: GuestStream; dialled: boolean },
    ask: Ask,
    cx: Context,
  ): Promise<HttpAnswer | null> {
    let keep = false;
    try {
      stream.write(this.#request(ask));
      const reader = new AnswerReader();
      for (;;) {
        const bytes = await stream.read(cx.signal);
        const answer = bytes === null ? reader.end() : reader.push(Buffer.from(bytes));
        if (answer === null && bytes !== null) continue;
        keep = answer !== null && bytes !== null && reader.keep;
        return answer;
      }
    } catch (error) {
      if (error instanceof AnswerGarbled)
        throw agentGarbled({ vm: this.#vm, why: error.message }, { cause: error });
      throw error;
    } finally {
      if (keep) this.#free = { stream, dialled, used: true };
      else if (dialled) stream.close();
    }
  }

  #request({ method, path, body }: Ask): Buffer {
    const text = body === undefined ? '' : JSON.stringify(body);
    const head = [
      `${method} ${path} HTTP/1.1`,
      'Host: guest',
      'Accept: application/json',
      ...(this.#token === null ? [] : [`Authorization: Bearer ${this.#token}`]),
      ...(body === undefined ? [] : ['Content-Type: application/json']),
      `Content-Length: ${Buffer.byteLength(text)}`,
    ];
    return Buffer.from(`${head.join('\r\n')}\r\n\r\n${text}`, 'utf8');
  }
}
