import { UpdateAnswer } from '../api/shapes/update.js';
import type { Answers } from '../operations/run-steps.js';
import type { AttachmentRecord } from '../records/vm-record.js';

/** The guest's answer to an update among what a plan's steps answered; null where none was asked for. */
export function updateAnswer(answers: Answers): UpdateAnswer | null {
  const answer = answers.get('update');
  return answer === undefined ? null : UpdateAnswer.parse(answer);
}

/** NICs that are in the VMM now, and confirmed where the guest has named them. */
export function pluggedIn(
  attachments: readonly AttachmentRecord[],
  answer: UpdateAnswer | null,
  at: number,
): AttachmentRecord[] {
  return attachments.map((attachment) => {
    const name = answer?.interfaces[attachment.inner?.mac ?? attachment.grant.mac];
    const confirmed = name === undefined ? attachment.confirmed : { at, by: 'agent', interface: name };
    return { ...attachment, pluggedAt: attachment.pluggedAt ?? at, confirmed };
  });
}
