import type { Manifest } from '../api/shapes/snapshot.js';
import type { HostFacts } from '../effects/host.js';
import { readsFormat, type Capabilities } from './capabilities.js';

/**
 * What keeps a snapshot from being loaded here, in words; empty where nothing is known against it. Firecracker itself
 * would only say "bitcode error" (its state is decoded before its version), or load and crash on another CPU.
 */
export function incompatibilities(manifest: Manifest, host: HostFacts, vmm: Capabilities): readonly string[] {
  const problems: string[] = [];
  const { snapshotFormat } = manifest.vmm;
  if (manifest.host.arch !== host.arch) {
    problems.push(`it was taken on ${manifest.host.arch}, this host is ${host.arch}`);
  } else if (manifest.host.cpuModel !== host.cpuModel) {
    problems.push(`it was taken on "${manifest.host.cpuModel}", this host has "${host.cpuModel}"`);
  }
  if (
    snapshotFormat !== null &&
    vmm.snapshotFormat !== null &&
    !readsFormat(vmm.snapshotFormat, snapshotFormat)
  ) {
    problems.push(
      `its format ${snapshotFormat} is of Firecracker ${manifest.vmm.version}, this Firecracker (${vmm.version}) reads ${vmm.snapshotFormat}`,
    );
  }
  return problems;
}
