import { attribute, flag, nest, text, u32, type Request } from './message.js';

// Traffic control (linux/pkt_sched.h, pkt_cls.h, tc_act/tc_mirred.h): what comes in at one link goes out at another.
// The classifier is u32, which every kernel with `tc` has; matchall, shorter, is not in small ones.

const RTM = { newQdisc: 36, deleteQdisc: 37, newFilter: 44 };
const TCA = { kind: 1, options: 2 };
const U32 = { selector: 5, action: 7 };
const ACT = { kind: 1, options: 2 };
const MIRRED = { parameters: 2 };
const ingress = 0xfffffff1;
const ingressHandle = 0xffff0000;
const ETH_P_ALL = 3;
const terminal = 1;
const TC_ACT_STOLEN = 4;
const TCA_EGRESS_REDIRECT = 1;

/** `struct tcmsg`. */
function header(
  link: number,
  { handle, parent, info }: { handle: number; parent: number; info: number },
): Buffer {
  return Buffer.concat([u32(0), u32(link), u32(handle), u32(parent), u32(info)]);
}

/** The place at a link where what comes in is looked at; refused where there is one. */
export function addIngress(link: number): Request {
  return {
    type: RTM.newQdisc,
    flags: flag.ack | flag.create | flag.excl,
    body: Buffer.concat([
      header(link, { handle: ingressHandle, parent: ingress, info: 0 }),
      text(TCA.kind, 'ingress'),
    ]),
  };
}

/** Takes that place away, and with it all that is done there. */
export function deleteIngress(link: number): Request {
  const place = { handle: ingressHandle, parent: ingress, info: 0 };
  return { type: RTM.deleteQdisc, flags: flag.ack, body: header(link, place) };
}

/** All that comes in at `from` goes out at `to`, and nowhere else. */
export function redirect(from: number, to: number): Request {
  // One key that everything matches: a mask of zeros.
  const selector = Buffer.concat([Buffer.from([terminal, 0, 1, 0]), Buffer.alloc(12), Buffer.alloc(16)]);
  const parameters = Buffer.concat([
    ...[0, 0, TC_ACT_STOLEN, 0, 0].map(u32),
    u32(TCA_EGRESS_REDIRECT),
    u32(to),
  ]);
  const action = nest(
    1,
    text(ACT.kind, 'mirred'),
    nest(ACT.options, attribute(MIRRED.parameters, parameters)),
  );
  // The protocol in network byte order, as the kernel has it in a number.
  const protocol = Buffer.alloc(2);
  protocol.writeUInt16BE(ETH_P_ALL);
  const info = Buffer.concat([protocol, Buffer.from([1, 0])]);
  return {
    type: RTM.newFilter,
    flags: flag.ack | flag.create | flag.excl,
    body: Buffer.concat([
      header(from, { handle: 0, parent: ingressHandle, info: 0 }).subarray(0, 16),
      info,
      text(TCA.kind, 'u32'),
      nest(TCA.options, attribute(U32.selector, selector), nest(U32.action, action)),
    ]),
  };
}
