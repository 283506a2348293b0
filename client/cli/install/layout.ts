/** A file of an installation. */
export interface Placed {
  /** In the project; null for a link. */
  readonly from: string | null;
  /** Absolute, as it will be on the installed system. */
  readonly to: string;
  readonly mode: number;
  /** Of a link: where it leads. */
  readonly leads?: string;
  /** Whether paths of the packaged form stand in it. */
  readonly names?: true;
}

const packaged = '/usr';

/** What an installation is made of, and where systemd and container runtimes look for it. Pure. */
export function layout(prefix: string): readonly Placed[] {
  // Beneath /usr it is a package's; elsewhere it is the administrator's own.
  const vendor = prefix === packaged;
  const units = vendor ? '/usr/lib/systemd/system' : '/etc/systemd/system';
  const hooks = vendor ? '/usr/share/containers/oci/hooks.d' : '/etc/containers/oci/hooks.d';
  const docs = `${prefix}/share/doc/thaw`;
  const lib = `${prefix}/lib/thaw`;
  const named = (from: string, to: string): Placed => ({ from, to, mode: 0o644, names: true });
  const conf = (kind: 'sysusers' | 'tmpfiles'): Placed => ({
    from: `systemd/thaw.${kind}.conf`,
    to: `${vendor ? '/usr/lib' : '/etc'}/${kind}.d/thaw.conf`,
    mode: 0o644,
  });
  return [
    ...['thawd.js', 'thaw.js', 'thaw-oci-hook.cjs'].map((name): Placed => ({
      from: `dist/bin/${name}`,
      to: `${lib}/${name}`,
      mode: 0o755,
    })),
    ...['thawd.socket', 'thaw-metrics.socket', 'thawd.service', 'thaw-vms.slice'].map((name) =>
      named(`systemd/${name}`, `${units}/${name}`),
    ),
    ...(['sysusers', 'tmpfiles'] as const).map(conf),
    ...['createRuntime', 'poststart', 'poststop'].map((stage) =>
      named(`systemd/hooks.d/50-thaw-${stage}.json`, `${hooks}/50-thaw-${stage}.json`),
    ),
    named('systemd/runc-config.example.json', `${docs}/runc-config.example.json`),
    { from: 'systemd/grafana-dashboard.json', to: `${docs}/grafana-dashboard.json`, mode: 0o644 },
    { from: 'README.md', to: `${docs}/README.md`, mode: 0o644 },
    { from: 'systemd/README.md', to: `${docs}/systemd/README.md`, mode: 0o644 },
    { from: 'client/errors.md', to: `${docs}/client/errors.md`, mode: 0o644 },
    { from: 'client/oci-hook/README.md', to: `${docs}/client/oci-hook/README.md`, mode: 0o644 },
    { from: 'LICENSE', to: `${docs}/copyright`, mode: 0o644 },
    { from: null, to: `${prefix}/bin/thaw`, mode: 0o755, leads: '../lib/thaw/thaw.js' },
  ];
}

/** The paths in a unit or hook as they are with this prefix and this Node. Pure. */
export function renamed(text: string, { prefix, node }: { prefix: string; node: string }): string {
  return text
    .replaceAll(`${packaged}/lib/thaw/`, `${prefix}/lib/thaw/`)
    .replaceAll(`${packaged}/bin/node `, `${node} `);
}
