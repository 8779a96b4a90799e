// The field of a skip: the source offset at which a faulted partition continues, with the offset
// that the API proposes and what the skip leaves out.
import type { Partition } from './answers.ts'
import { element } from './elements.ts'

export type Stopped =
  Pick<Partition, 'error' | 'highWatermark' | 'reason' | 'skipTo' | 'upstreamOffset'>

/** The name of the input is that of the field of the order. */
export function skipField (of: Stopped): HTMLElement {
  const { highWatermark, skipTo, upstreamOffset } = of
  const input = element('input', {
    id: 'order-to', name: 'to', inputmode: 'numeric', pattern: '[0-9]{1,18}', required: '',
    autocomplete: 'off', value: skipTo ?? ''
  })
  const end = highWatermark === null ? '' : ` The source ends at ${highWatermark}.`
  const proposal = skipTo === null
    ? 'The process does not know where the records end that it cannot mirror.'
    : `${skipTo} is the offset after the records that the partition stopped at.`
  return element('label', {},
    element('span', {}, 'Continue at source offset'), input,
    element('span', { class: 'hint' }, `The partition stopped at source offset ` +
      `${upstreamOffset}: ${of.reason ?? of.error ?? 'the reason is not known'}. ${proposal} ` +
      `The records from ${upstreamOffset} up to the offset that you enter are not mirrored, and ` +
      `counted.${end}`))
}
