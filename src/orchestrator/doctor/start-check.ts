// What `longhaul validate` finds: topics that would not be mirrored, a progress topic that a start
// would refuse, refusals of topics that a start would create.
import { plural } from '../observability/format.ts'
import { isAsAsked, namedInVain, type FlowCheck } from '../plan/flow-check.ts'
import { examinedTopicsMax, seenIn, type Check, type Finding } from './check.ts'

/** Pure. */
export function judgeStart (flow: FlowCheck): readonly Finding[] {
  const { check, config, progress, remarks } = flow
  const findings: Finding[] = [
    ...progress.error === undefined
      ? []
      : [{
          severity: 'problem' as const,
          about: config.target.alias,
          measured: seenIn(progress.error),
          advice: progress.error.action
        }],
    ...check.problems.map(({ error, topic }) => ({
      severity: 'problem' as const, about: topic, measured: seenIn(error), advice: error.action
    })),
    ...namedInVain(config, check).map(({ reason, topic }) => ({
      severity: 'problem' as const,
      about: topic,
      measured: `topics names it, and it is not mirrored: ${reason}`,
      advice: 'Correct the name or the filter'
    })),
    ...[...check.warnings, ...progress.warnings].map(error => ({
      severity: 'warning' as const,
      about: config.name,
      measured: seenIn(error),
      advice: error.action
    })),
    ...remarks.map(measured =>
      ({ severity: 'warning' as const, about: config.name, measured }))
  ]
  const more = check.topics.length - examinedTopicsMax
  if (more > 0) {
    findings.push({
      severity: 'note',
      about: config.name,
      measured: `permissions, retention and settings of ${more} of the ${check.topics.length} ` +
        'topics are not examined',
      advice: 'Run the doctor with --topics for the others'
    })
  }
  return isAsAsked(flow) && findings.length === 0
    ? [{
        severity: 'ok',
        about: config.name,
        measured: `would mirror ${plural(check.topics.length, 'topic')}`
      }]
    : findings
}

export const startCheck: Check = { name: 'start', run: ({ flow }) => judgeStart(flow) }
