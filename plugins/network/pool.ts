import { inside, rangeOf, sizeOf, type Range, type Subnet } from './ipv4.js';

/** The addresses of one subnet and who holds them. In memory: records say the same, and tell it again at a start. */
export class AddressPool {
  readonly #holders = new Map<number, string>();
  readonly #span: Range;
  readonly #reserved: readonly Range[];
  /** How many addresses can be held. */
  readonly capacity: number;
  // What was leased under another configuration is held too, and counts for nothing.
  #held = 0;
  // Moves on with every lease, so that an address rests for as long as it can before somebody else gets it.
  #next: number;

  /** `reserved`: never given; may overlap and reach beyond the subnet. */
  constructor(subnet: Subnet, reserved: readonly Range[]) {
    this.#span = rangeOf(subnet);
    this.#reserved = merge(reserved.map((range) => clip(range, this.#span)));
    this.#next = this.#span.first;
    const taken = this.#reserved.reduce((sum, { first, last }) => sum + (last - first + 1), 0);
    this.capacity = sizeOf(subnet.prefix) - taken;
  }

  /** How many of them are. */
  get held(): number {
    return this.#held;
  }

  holder(address: number): string | undefined {
    return this.#holders.get(address);
  }

  /** Whether a VM could have this address at all. */
  allows(address: number): boolean {
    return inside(address, this.#span) && !this.#reserved.some((range) => inside(address, range));
  }

  /** Holds a free address, of those that `fits` lets through; null where none is left. */
  lease(holder: string, fits: (address: number) => boolean = () => true): number | null {
    if (this.#held >= this.capacity) return null;
    // More looks than there are addresses and reserved ranges would be a second round.
    for (let left = this.capacity + this.#reserved.length; left > 0; left -= 1) {
      const address = this.#next;
      const blocked = this.#reserved.find((range) => inside(address, range));
      this.#next = (blocked ? blocked.last : address) + 1;
      if (this.#next > this.#span.last) this.#next = this.#span.first;
      if (blocked || this.#holders.has(address) || !fits(address)) continue;
      this.take(address, holder);
      return address;
    }
    return null;
  }

  /** Holds this address; false where somebody else has it. */
  take(address: number, holder: string): boolean {
    const by = this.#holders.get(address);
    if (by === undefined) {
      this.#holders.set(address, holder);
      if (this.allows(address)) this.#held += 1;
    }
    return by === undefined || by === holder;
  }

  /** Frees an address if `holder` has it. */
  free(address: number, holder: string): void {
    if (this.#holders.get(address) !== holder) return;
    this.#holders.delete(address);
    if (this.allows(address)) this.#held -= 1;
  }
}

function clip(range: Range, span: Range): Range {
  return { first: Math.max(range.first, span.first), last: Math.min(range.last, span.last) };
}

function merge(ranges: readonly Range[]): readonly Range[] {
  const merged: { first: number; last: number }[] = [];
  for (const range of [...ranges].sort((a, b) => a.first - b.first)) {
    const before = merged.at(-1);
    if (before && range.first <= before.last + 1) before.last = Math.max(before.last, range.last);
    else if (range.first <= range.last) merged.push({ ...range });
  }
  return merged;
}
