/** The network namespace of a container, as its runtime has made it. */
export type ContainerSpace = {
  /** A process that lives in it: the container's first. */
  readonly pid: number;
  /** As the kernel names it, e.g. `net:[4026532201]`. */
  readonly netns: string;
};

/** The interface of a container whose place a guest takes. */
export type ContainerLink = {
  readonly name: string;
  readonly mac: string;
  readonly mtu: number;
  /** IPv4, with prefix length. */
  readonly addresses: readonly string[];
  readonly gateway: string | null;
  /** IPv6, with prefix length: taken off and put back, the guest is not told. */
  readonly addresses6: readonly string[];
};

/** How a guest and a container are joined: by a cable between them, or the guest in the place of its interface. */
export type ContainerJoin =
  | { readonly how: 'beside'; readonly space: ContainerSpace }
  | { readonly how: 'takeover'; readonly space: ContainerSpace; readonly link: ContainerLink };
