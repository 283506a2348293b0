// Numbers of rtnetlink (linux/rtnetlink.h, if_link.h, if_addr.h, if_tun.h).

export const RTM = {
  newLink: 16,
  delLink: 17,
  getLink: 18,
  setLink: 19,
  newAddress: 20,
  deleteAddress: 21,
  getAddress: 22,
  getVlan: 114,
};
export const IFLA = {
  address: 1,
  name: 3,
  mtu: 4,
  master: 10,
  info: 18,
  alias: 20,
  familySpec: 26,
  group: 27,
  namespaceFd: 28,
  extent: 29,
  carrier: 33,
  link: 5,
};
export const INFO = { kind: 1, data: 2, slaveKind: 4, slaveData: 5 };
export const BRIDGE = { forwardDelay: 1, stp: 5, vlanFiltering: 7, defaultVlan: 39 };
export const VLAN = { id: 1 };
export const PORT = { isolated: 33 };
export const TUN = { type: 3, persist: 6, multiQueue: 7 };
export const VETH_PEER = 1;
export const IFA = { address: 1, local: 2, broadcast: 4 };
export const AF_INET = 2;
export const AF_BRIDGE = 7;
export const AF_INET6 = 10;
export const IFLA_INET_CONF = 1;
export const DEVCONF_PROXY_ARP = 3;
export const INET6_ADDR_GEN_MODE = 8;
export const genModeNone = 1;
export const IFF_UP = 1;
