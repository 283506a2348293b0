/** A socket that systemd has opened for us. */
export interface HandedSocket {
  readonly fd: number;
  /** `FileDescriptorName=` of the socket unit; `unknown` where none was given (sd_listen_fds_with_names(3)). */
  readonly name: string;
}

const first = 3;

/**
 * The sockets that systemd hands over, by the protocol of sd_listen_fds(3), and takes them out of `env`, so that no
 * child takes them for its own. None where the variables are meant for another process (LISTEN_PID).
 */
export function takeHandedSockets(env: NodeJS.ProcessEnv, pid: number): HandedSocket[] {
  const { LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES } = env;
  delete env['LISTEN_PID'];
  delete env['LISTEN_FDS'];
  delete env['LISTEN_FDNAMES'];
  if (LISTEN_PID !== String(pid) || LISTEN_FDS === undefined || !/^[1-9]\d{0,3}$/.test(LISTEN_FDS)) return [];
  const names = LISTEN_FDNAMES?.split(':') ?? [];
  return Array.from({ length: Number(LISTEN_FDS) }, (_, i) => ({
    fd: first + i,
    name: names[i] || 'unknown',
  }));
}
