import { UpdatePart, type PartSwitches } from '../api/shapes/update.js';

/** New host keys cost a second, and whoever knows the guest by the old ones must be told: only on request. */
const onRequest: readonly UpdatePart[] = ['ssh-host-keys'];

/** What a clone is told where nobody says otherwise. */
const standard = UpdatePart.options.filter((part) => !onRequest.includes(part));

/** The parts that are switched on, in the guest's order; of several switches the last that names a part decides. */
export function chosenParts(
  from: readonly UpdatePart[] | null,
  ...switches: readonly (PartSwitches | undefined)[]
): UpdatePart[] {
  const on = new Set(from ?? standard);
  return UpdatePart.options.filter((part) => switches.reduce((is, one) => one?.[part] ?? is, on.has(part)));
}

/** Which parts must be done for the guest to be ready: of those that are on, and the network only where there is one. */
export function neededParts(
  needs: readonly UpdatePart[],
  { parts, nics }: { parts: readonly UpdatePart[]; nics: number },
): UpdatePart[] {
  return needs.filter((part) => parts.includes(part) && (part !== 'network' || nics > 0));
}
