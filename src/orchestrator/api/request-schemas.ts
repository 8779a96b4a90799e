// The schemas of the API's requests: each text has a bound, and unknown fields are refused.
import { logLevels } from '../observability/log-levels.ts'
import { partitionStates } from '../observability/snapshot.ts'
import { choice, described, object, type Schema } from './json-schema.ts'

const topic: Schema = { type: 'string', pattern: '^[A-Za-z0-9._-]{1,249}$' }
const partition: Schema = { type: 'integer', minimum: 0, maximum: 2 ** 31 - 1 }
/** Without control characters, which would change a terminal that shows the text. */
const printable = '[^\\u0000-\\u001f\\u007f-\\u009f]+$'
const plainText = (lengthMax: number): Schema =>
  ({ type: 'string', minLength: 1, maxLength: lengthMax, pattern: `^${printable}` })

const page = {
  after: described(plainText(300), 'continue after this entry: `next` of the last page'),
  limit: { type: 'integer', minimum: 1, maximum: 1000, default: 100 }
}

export const flowParams = object({
  flow: described(plainText(520), 'source->target; in a path > is %3E')
})
const processes = {
  ...choice(['this', 'all']),
  description: 'all: the answers of all processes of the flow, joined; default: this one alone'
}

/** Of answers that may be those of all processes. */
export const processesQuery = object({ processes }, ['processes'])
export const topicsQuery = object({ ...page, processes }, ['after', 'limit', 'processes'])
export const groupsQuery = object({ ...page, group: plainText(255), processes },
  ['after', 'limit', 'group', 'processes'])
export const partitionsQuery = object({
  ...page,
  topic,
  state: { ...choice(partitionStates), description: 'only partitions in this state' },
  processes
}, ['after', 'limit', 'topic', 'state', 'processes'])
export const caughtUpQuery = object({
  topic,
  timeout: described(plainText(20), '30s, 5m; a plain number means seconds; default 0')
}, ['topic', 'timeout'])
export const eventsQuery = object({ flow: plainText(520) }, ['flow'])

const orderFields = {
  // As the commands: not blank.
  reason: {
    ...described(plainText(500), 'why; log and status show it'),
    pattern: `^(?=.*\\S)${printable}`
  },
  by: described(plainText(128), 'who; the address of the request is added'),
  dryRun: described({ type: 'boolean' }, 'only check')
}

export const scopeBody = object({ topic, partition, ...orderFields }, [
  'topic', 'partition', 'by', 'dryRun'
])
export const skipBody = object({
  topic,
  partition,
  to: { type: 'string', pattern: '^\\d{1,18}$', description: 'the source offset to continue at' },
  ...orderFields
}, ['by', 'dryRun'])
export const reloadBody = object(orderFields, ['by', 'dryRun'])
export const logLevelBody = object({
  level: described(choice([...logLevels, 'file']), 'file: that of each process\'s file'),
  ...orderFields
}, ['by', 'dryRun'])

export const throttleBody = object({
  bytesPerSecond: described({ type: 'integer', minimum: 0, maximum: 2 ** 50 },
    'for all processes of the flow together; 0: no limit'),
  file: described({ type: 'boolean' }, 'without bytesPerSecond: bandwidth.max of the file again'),
  ...orderFields
}, ['bytesPerSecond', 'file', 'by', 'dryRun'])

export const shareBody = object({
  topic,
  percent: described({ type: 'integer', minimum: 1, maximum: 100 },
    'of the bandwidth of the flow, for all processes together'),
  file: described({ type: 'boolean' }, 'without percent: bandwidth.share of the file again'),
  ...orderFields
}, ['percent', 'file', 'by', 'dryRun'])

/** The parameters that flowParams describes. */
export interface FlowRoute { Params: { flow: string } }

/** The schema of a GET route of a flow. */
export function flowRead (summary: string, answer: object): object {
  return { summary, params: flowParams, response: { 200: answer } }
}
