// Explains an answer of the offset map in one sentence for the user. Pure.
import type { OffsetAnswer, OffsetMap, OffsetPair } from './offset-map.ts'

export interface AnsweredQuestion {
  readonly topic: string
  readonly partition: number
  readonly offset: bigint
  /** The translation is from the target to the source. */
  readonly isBack: boolean
  readonly map: OffsetMap
  /** The position up to which the partition is mirrored. */
  readonly progress: OffsetPair
}

export function explainAnswer (answer: OffsetAnswer, question: AnsweredQuestion): string {
  const { isBack, map, offset, partition, progress, topic } = question
  const [from, to] = isBack ? ['target', 'source'] : ['source', 'target']
  switch (answer.kind) {
    case 'exact': return `the record at ${from} offset ${offset} is at this ${to} offset`
    case 'gap':
      return isBack
        ? `the record at target offset ${offset} is not of this flow: the answer is the next ` +
          'record that is'
        : `source offset ${offset} holds no record that is mirrored (a transaction marker, an ` +
          'aborted or a compacted record): the answer is the next record that is'
    case 'thinned':
      return `the offset map of ${topic}-${partition} keeps so old positions in less detail, and ` +
        'the records there do not show more (deleted, changed, or equal to each other): the ' +
        `record is at this ${to} offset or up to ${answer.early} offsets behind it`
    case 'before': {
      const known = isBack ? map.start.downstream : map.start.upstream
      return `the offset map of ${topic}-${partition} begins at ${from} offset ${known}: start ` +
        `the consumer at the earliest ${to} offset, or look for the record by its timestamp`
    }
    case 'end': {
      const end = isBack ? progress.downstream : progress.upstream
      return `no record from ${from} offset ${offset} on is mirrored yet (${topic}-${partition} ` +
        `is mirrored up to ${from} offset ${end}): the next record comes at this ${to} offset ` +
        'or behind it'
    }
  }
}
