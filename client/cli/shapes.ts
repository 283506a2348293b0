import type { ResultOf } from '../../daemon/api/index.js';

// What the daemon answers, as it comes over the wire: strings are not branded here, nobody has checked them.
export type Vm = ResultOf<'vm.get'>['vm'];
export type Attachment = Vm['attachments'][number];
export type Timeline = ResultOf<'vm.timeline'>['timelines'][number];
export type Span = Timeline['spans'][number];
export type Snapshot = ResultOf<'snapshot.get'>['snapshot'];
