/** Shell functions that give a guest SSH host keys of its own. */
export const hostKeysLibrary = String.raw`
# set_host_keys VM: new OpenSSH host keys of the types that are there; once for each VM, which a file beside them tells.
# Without a reseeded kernel all clones would draw the same.
set_host_keys() {
  K=/etc/ssh/.thaw-host-keys D=/etc/ssh/.thaw-new-keys L= N=
  if [ ! -d /etc/ssh ] || ! command -v ssh-keygen >/dev/null; then
    part ssh-host-keys unsupported 'the guest has no OpenSSH server (/etc/ssh, ssh-keygen)'; return
  fi
  [ ! -r $K ] || read -r L < $K
  [ "$L" != "$1" ] || { part ssh-host-keys unchanged; return; }
  case $P in
    *'"randomness":{"is":"done"'*) ;;
    *) part ssh-host-keys failed 'the kernel was not reseeded: keys drawn now would be those of other clones'; return ;;
  esac
  for A in ed25519 ecdsa rsa; do [ ! -f /etc/ssh/ssh_host_$\{A}_key ] || N="$N $A"; done
  rm -rf $D
  W=$(mkdir -m 700 $D 2>&1) || { part ssh-host-keys failed "$W"; return; }
  for A in $\{N:-ed25519 ecdsa rsa}; do
    W=$(ssh-keygen -q -t $A -N '' -C "root@$2" -f $D/ssh_host_$\{A}_key 2>&1) && continue
    rm -rf $D
    part ssh-host-keys failed "ssh-keygen -t $A: $\{W##*$NL}"; return
  done
  W=$(mv -f $D/ssh_host_* /etc/ssh/ 2>&1 && rmdir $D && printf '%s\n' "$1" > $K) || { part ssh-host-keys failed "$W"; return; }
  # One that runs has the old ones in its memory.
  for A in /run/sshd.pid /var/run/sshd.pid; do
    [ -r $A ] && read -r L < $A && [ -r "/proc/$L/comm" ] && read -r V < "/proc/$L/comm" || continue
    [ "$V" != sshd ] || { kill -HUP "$L"; break; }
  done 2>/dev/null
  part ssh-host-keys done
}
`.replaceAll('$\\{', '${');
