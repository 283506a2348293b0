/**
 * The guest's wall clock: no namespace covers CLOCK_REALTIME, and the guest has no CAP_SYS_TIME, so its clock is
 * the host's plus an offset that lies in its own memory, in nanoseconds. The agent and the `date` of the guest
 * (a wrapper, mounted over the host's) keep it; whoever asks the kernel directly sees the host's clock.
 */
import fs from 'node:fs';

/** In the guest. */
export const clockFile = '/run/.clock-offset';

export function hostNow(): bigint {
  return BigInt(Math.round((performance.timeOrigin + performance.now()) * 1e6));
}

/** Both are called inside the guest's namespaces. */
export function readOffset(): bigint {
  try {
    return BigInt(fs.readFileSync(clockFile, 'utf8').trim());
  } catch {
    return 0n;
  }
}
export function writeOffset(offset: bigint): void {
  fs.writeFileSync(clockFile, `${offset}\n`);
}

/** `date` of the guest; `REAL` is the host's. */
export const dateWrapper = `#!/bin/sh
# The clock of this guest is the kernel's plus an offset (ns) in ${clockFile}.
real=/dev/.guest/date
offset=$(cat ${clockFile} 2>/dev/null || echo 0)
set=; given=; utc=; next=
for word; do
  if [ "$next" = set ]; then set=$word; given=1; next=; continue; fi
  case $word in
    --set=*) set=\${word#--set=}; given=1 ;;
    --set|-s|-us) next=set; [ "$word" != -us ] || utc=-u ;;
    -s*) set=\${word#-s}; given=1 ;;
    -u|--utc|--universal) utc=-u ;;
    -d*|--date*|-r*|--reference*|-f*|--file*|--help|--version) exec "$real" "$@" ;;
    [0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]*)
      year=$("$real" $utc +%Y)
      case \${#word} in
        8) stamp=$year$word ;;
        12) stamp=\${word#????????}\${word%????} ;;
        *) exec "$real" "$@" ;;
      esac
      rest=\${stamp#????}; day=\${stamp%????????}\${rest%????}; time=\${rest#????}
      set="$day \${time%??}:\${time#??}"; given=1 ;;
  esac
done
if [ -n "$given" ]; then
  target=$("$real" $utc -d "$set" +%s%N) || exit 1
  echo $((target - $("$real" +%s%N))) > ${clockFile}
  exec "$real" $utc -d "$set"
fi
now=$(($("$real" +%s%N) + offset))
fraction=$((now % 1000000000 + 1000000000))
exec "$real" -d "@$((now / 1000000000)).\${fraction#1}" "$@"
`;
