import type { ContainerSpace, Fabric, Grant, GrantWish } from '../../plugins/contract.js';

/** What was taken in memory while something is being decided: given back, last first, where it comes to nothing. */
export class Claims {
  readonly #back: (() => void)[] = [];

  /** Notes how to give back what was just taken. */
  note(giveBack: () => void): void {
    this.#back.push(giveBack);
  }

  /** Reserves a NIC's place. @throws what the fabric throws */
  grant(fabric: Fabric, wish: GrantWish): Grant {
    const grant = fabric.grant(wish);
    this.note(() => fabric.release(grant));
    return grant;
  }

  /** Gives the first NIC a cable into a container: by one its guest can be reached. @throws what the fabric throws */
  cords(fabric: Fabric, grants: readonly Grant[], space: ContainerSpace): readonly Grant[] {
    return grants.map((grant, index) => {
      if (index > 0) return grant;
      const corded = fabric.withCord(grant, space);
      this.note(() => fabric.release(corded));
      return corded;
    });
  }

  giveBack(): void {
    for (let back = this.#back.pop(); back; back = this.#back.pop()) back();
  }
}
