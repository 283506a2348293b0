/** Shell functions that run what the guest's own people have put into its restore.d. */
export const programsLibrary = String.raw`
# run_programs MILLISECONDS DOCUMENT: what is executable in /etc/thaw/restore.d, in the order of their names, with the
# identity in the environment, which is read from descriptor 3. Once for each identity: again where one of them failed,
# or they are others now. One that fails keeps no other from running; all of them share the time.
run_programs() {
  H=/run/thaw/.restored A= K= F=
  for D in /etc/thaw/restore.d/*; do
    case $D in *'~') continue ;; esac
    [ -f "$D" ] && [ -x "$D" ] || continue
    A="$A$D$NL"
    [ ! "$D" -nt $H ] || K=1
  done
  [ -n "$A" ] || { part scripts unchanged; return; }
  if [ -z "$K" ] && [ -r $H ]; then slurp $H; [ "$S" != "$A$2$NL" ] || { part scripts unchanged; return; }; fi
  rm -f $H
  [ -d /run/thaw ] || W=$(mkdir -p /run/thaw 2>&1) || { part scripts failed "$W"; return; }
  S=
  while IFS= read -r L || [ -n "$L" ]; do S="$S$L$NL"; done <&3
  exec 3<&-
  eval "export $S"
  unset LC_ALL
  umask 077; { : > /run/thaw/restore.log; } 2>/dev/null; umask 022
  now; E=$((T + $1 / 10))
  while IFS= read -r D; do
    [ -n "$D" ] || continue
    now; N=$(((E - T + 99) / 100))
    if [ $N -gt 0 ]; then program "$D" $N && continue; else W='not run: those before it took all the time'; fi
    F="$F$\{F:+; }$\{D##*/}: $W"
  done <<EOF
$A
EOF
  LC_ALL=C; export LC_ALL
  [ -z "$F" ] || { part scripts failed "$F (/run/thaw/restore.log)"; return; }
  umask 077; { printf '%s\n' "$A$2" > $H; } 2>/dev/null; umask 022
  part scripts done
}
# program FILE SECONDS: runs it, with all that it starts in a session to be ended with it; W tells why it failed
program() {
  if command -v setsid >/dev/null; then C=setsid; else C=; fi
  printf '== %s\n' "$1" 2>/dev/null >> /run/thaw/restore.log
  $C "$1" </dev/null >> /run/thaw/restore.log 2>&1 &
  I=$!
  (
    trap 'kill $J; exit' TERM
    sleep $2 & J=$!
    wait $J || exit
    kill -KILL -$I || kill -KILL $I
  ) </dev/null >/dev/null 2>&1 &
  J=$!
  wait $I; K=$?
  kill $J 2>/dev/null
  wait $J 2>/dev/null
  [ $K -ne 0 ] || return 0
  now
  if [ $K -eq 137 ] && [ "$T" -ge "$E" ]; then W='killed: it took too long'; return 1; fi
  L=
  while IFS= read -r V || [ -n "$V" ]; do [ -z "$V" ] || L=$V; done < /run/thaw/restore.log
  [ "$L" != "== $1" ] || L=
  W="exit status $K$\{L:+, it said: $L}"
  return 1
}
`.replaceAll('$\\{', '${');
