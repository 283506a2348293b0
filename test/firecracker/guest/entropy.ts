/**
 * The guest's random numbers: a stream of its own that is part of its memory. Clones of one snapshot draw the
 * same bytes until somebody reseeds them, which is the danger that a restore has to deal with. By default this
 * guest's kernel, unlike one ≥ 5.18, has no VMGenID: the strict case; FIRECRACKER_STANDIN_VMGENID=1 gives it one,
 * and a restore reseeds it. The host's pool is never touched.
 *
 * What counts as a reseed: a write to /dev/urandom or /dev/random, and the ioctls RNDADDENTROPY (its bytes are
 * mixed in) and RNDRESEEDCRNG; the real kernel would use written bytes only at its next reseed.
 */
import { createCipheriv, createHash, type Cipher, randomBytes } from 'node:crypto';

export interface EntropyMemory {
  /** Key of the stream, hex. */
  key: string;
  /** How much of it has been drawn. */
  drawn: number;
  /** How often it was reseeded since the guest booted. */
  reseeds: { written: number; added: number; reseeded: number; generation: number };
}

const BLOCK = 16;

export class Entropy {
  private cipher: Cipher;

  private memory = fresh();

  constructor() {
    this.cipher = this.streamAt(0);
  }

  /** Goes on where a snapshot stopped. */
  recall(memory: EntropyMemory): void {
    this.memory = structuredClone(memory);
    this.cipher = this.streamAt(memory.drawn);
  }

  private streamAt(position: number): Cipher {
    const counter = Buffer.alloc(BLOCK);
    counter.writeBigUInt64BE(BigInt(Math.floor(position / BLOCK)), 8);
    const cipher = createCipheriv('aes-256-ctr', Buffer.from(this.memory.key, 'hex'), counter);
    cipher.update(Buffer.alloc(position % BLOCK));
    return cipher;
  }

  /** The next bytes of the stream. */
  draw(length: number): Buffer {
    this.memory.drawn += length;
    return this.cipher.update(Buffer.alloc(length));
  }

  /** Mixes `seed` in; from here on the stream is another one. */
  reseed(how: keyof EntropyMemory['reseeds'], seed: Buffer): void {
    this.memory.reseeds[how] += 1;
    this.memory.key = createHash('sha256')
      .update(this.memory.key, 'hex')
      .update(how)
      .update(seed)
      .digest('hex');
    this.memory.drawn = 0;
    this.cipher = this.streamAt(0);
  }

  /** What a snapshot keeps. */
  save(): EntropyMemory {
    return structuredClone(this.memory);
  }
}

function fresh(): EntropyMemory {
  return {
    key: randomBytes(32).toString('hex'),
    drawn: 0,
    reseeds: { written: 0, added: 0, reseeded: 0, generation: 0 },
  };
}
