import type { ParamsOf } from '../../daemon/api/index.js';

/** How the agent in a guest is reached. */
export const agentOptions = {
  agent: { type: 'text', value: 'DIALECT', summary: 'how the guest’s agent is spoken to (else qemu-ga)' },
  'agent-port': {
    type: 'int',
    value: 'PORT',
    min: 1,
    max: 4_294_967_295,
    summary: 'its port (else 1024)',
  },
  'agent-tcp': { type: 'flag', summary: 'it is reached by the guest’s network, not by vsock' },
  'agent-address': {
    type: 'text',
    value: 'ADDRESS',
    summary: 'where, for TCP; else the first NIC’s address',
  },
  'agent-socket': {
    type: 'text',
    value: 'NAME',
    summary: 'it is reached by a Unix socket of this name in the VM’s folder',
  },
  'no-agent': { type: 'flag', summary: 'the guest has no agent: nothing is then ever called ready' },
} as const;

/** What they ask for. */
export function agentOf(values: {
  'no-agent': boolean;
  agent: string | undefined;
  'agent-port': number | undefined;
  'agent-tcp': boolean;
  'agent-address': string | undefined;
  'agent-socket': string | undefined;
}): Pick<ParamsOf<'vm.boot'>, 'agent'> {
  if (values['no-agent']) return { agent: null };
  const { agent: dialect, 'agent-port': port, 'agent-address': address, 'agent-socket': path } = values;
  return {
    agent: {
      ...(dialect === undefined ? {} : { dialect }),
      ...(port === undefined ? {} : { port }),
      ...(values['agent-tcp'] || address !== undefined ? { via: 'tcp' as const } : {}),
      ...(path === undefined ? {} : { via: 'unix' as const, path }),
      ...(address === undefined ? {} : { address }),
    },
  };
}
