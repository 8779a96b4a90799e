// Properties of a MirrorMaker 2 file without effect in Longhaul. Each causes one warning with the
// reason, so that a file of MirrorMaker 2 works here; only a value that changes records is refused.

export interface IdleProperty {
  /** MirrorMaker 2's default, for the documentation. */
  readonly default: string
  /** Why it has no effect, as the end of a sentence. */
  readonly why: string
  readonly secret?: boolean
  /**
   * Whether MirrorMaker 2 would write other records with this value. Such a value is refused: a
   * field that a transform hides must not reach the target. Any other value says what Longhaul
   * does, and causes no warning.
   */
  readonly changesRecords?: (value: string) => boolean
}

function changing (
  byDefault: string, why: string, changesRecords: (value: string) => boolean
): IdleProperty {
  return { default: byDefault, why, changesRecords }
}

function meaningless (byDefault: string, why: string): IdleProperty {
  return { default: byDefault, why }
}

const noWorker = 'Longhaul has no Kafka Connect worker: it keeps its state in one progress topic'
const noRest = 'Longhaul has no Kafka Connect REST interface; see metrics.host and metrics.port'
const noRecords = 'record batches are forwarded as they are stored, no record is converted'

const byteArrays = 'ByteArrayConverter'
const otherConverter = `${noRecords}; another one than ${byteArrays} is refused`
const isConverter = (value: string) => !/(^|\.)ByteArrayConverter$/.test(value)

export const idleProperties: Readonly<Record<string, IdleProperty>> = {
  'use.incremental.alter.configs': meaningless('requested',
    'Longhaul always changes single settings and leaves the others of a topic as they are'),
  'tasks.max': meaningless('1', 'Longhaul has lanes in place of tasks; set lanes'),
  'name': meaningless('', 'a flow is named by its clusters'),
  'connector.class': meaningless('', 'Longhaul has no Kafka Connect connectors'),
  'consumer.poll.timeout.ms': meaningless('1000', 'Longhaul does not poll a consumer'),
  'forwarding.admin.class': meaningless('ForwardingAdmin', 'Java classes cannot run here'),
  'metric.reporters': meaningless('JmxReporter', 'Longhaul serves Prometheus metrics'),
  'auto.include.jmx.reporter': meaningless('true', 'Longhaul serves Prometheus metrics'),
  'add.source.alias.to.metrics': meaningless('false', 'metrics always have a source label'),
  'exactly.once.source.support': meaningless(
    'disabled', 'exactly once needs no transactions here and is not switched on'),
  'exactly.once.support': meaningless(
    'requested', 'exactly once needs no transactions here and is not switched on'),
  'transaction.boundary': meaningless('poll', 'Longhaul writes no transactions'),
  'dedicated.mode.enable.internal.rest': meaningless('false', noRest),
  'listeners': meaningless('http://:8083', noRest),
  'plugin.path': meaningless('', 'Java classes cannot run here'),
  'plugin.discovery': meaningless('hybrid_warn', 'Java classes cannot run here'),
  'scheduled.rebalance.max.delay.ms': meaningless('300000', noWorker),
  'connect.protocol': meaningless('sessioned', noWorker),
  'topic.creation.enable': meaningless('true', noWorker),
  'topic.creation.groups': meaningless('', noWorker),
  'topic.tracking.enable': meaningless('true', noWorker),
  'topic.tracking.allow.reset': meaningless('true', noWorker),
  'predicates': changing('', `${noRecords}; any is refused`, value => value !== ''),
  'transforms': changing('', `${noRecords}; any is refused`, value => value !== ''),
  'key.converter': changing(byteArrays, otherConverter, isConverter),
  'value.converter': changing(byteArrays, otherConverter, isConverter),
  'header.converter': changing(byteArrays, otherConverter, isConverter),
  'connector.client.config.override.policy': meaningless(
    'All', 'client properties may all be set'),
  'connector.client.config.override.allowlist': meaningless(
    '', 'client properties may all be set'),
  'tasks.max.enforce': meaningless('true', 'Longhaul has lanes in place of tasks; set lanes'),
  'ssl.client.auth': meaningless('none', noRest)
}

/** Families of properties, by the beginning of the name. Names in the table above come first. */
export const idleFamilies: ReadonlyArray<readonly [prefix: string, IdleProperty]> = [
  ['offset.storage', meaningless('', noWorker)],
  ['config.storage', meaningless('', noWorker)],
  ['status.storage', meaningless('', noWorker)],
  ['offset.flush.', meaningless('', 'progress is written every progress.interval.ms')],
  ['offsets.storage.', meaningless('', noWorker)],
  ['key.converter', meaningless('', noRecords)],
  ['value.converter', meaningless('', noRecords)],
  ['header.converter', meaningless('', noRecords)],
  ['internal.key.converter', meaningless('', noRecords)],
  ['internal.value.converter', meaningless('', noRecords)],
  ['transforms.', meaningless('', noRecords)],
  ['predicates.', meaningless('', noRecords)],
  ['errors.', meaningless('', 'data.loss, corrupt.batch, record.too.large and ' +
    'topic.recreated decide about data that cannot be mirrored')],
  ['task.shutdown.', meaningless('', noWorker)],
  ['worker.', meaningless('', noWorker)],
  ['rest.', meaningless('', noRest)],
  ['admin.listeners', meaningless('', noRest)],
  ['listeners.', meaningless('', noRest)],
  ['access.control.', meaningless('', noRest)],
  ['response.http.', meaningless('', noRest)],
  ['inter.worker.', meaningless('', noRest)],
  ['topic.creation.', meaningless('', noWorker)],
  ['metrics.context.', meaningless('', 'Longhaul serves Prometheus metrics')],
  ['config.providers.', meaningless('', 'the provider reads what the process may read')]
]

export interface FoundIdleProperty extends IdleProperty {
  /** The subject of the one warning: the property, or its family. */
  readonly family: string
}

export function idleProperty (name: string): FoundIdleProperty | undefined {
  const property = Object.hasOwn(idleProperties, name) ? idleProperties[name] : undefined
  if (property !== undefined) return { ...property, family: name }
  const family = idleFamilies.find(([prefix]) => name.startsWith(prefix))
  return family && { ...family[1], family: `${family[0]}*` }
}
