/** How long a VM may live: at most a year, as the contract has it. */
export const ttlOption = {
  type: 'duration',
  value: 'TIME',
  min: 1,
  max: 31_536_000_000,
  summary: 'stop it by itself so long after it was made, e.g. 90s, 10m, 8h (else never)',
} as const;
