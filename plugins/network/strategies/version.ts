/** Whether a Firecracker (`1.16.1`, `v1.17.0-dev`) is older than a release (`1.12`). Pure. */
export function olderThan(version: string, release: `${number}.${number}`): boolean {
  const [major = 0, minor = 0] = parts(version);
  const [neededMajor = 0, neededMinor = 0] = parts(release);
  return major < neededMajor || (major === neededMajor && minor < neededMinor);
}

const parts = (version: string): number[] => version.replace(/^v/, '').split('.').map(Number.parseFloat);
