// The flow's one producer id on its target (invariant A), and the source cluster that the id
// belongs to: all processes agree on both by the order of the records in slot 0 of the progress
// topic.
//
// Every process reads slot 0 before it mirrors. A process that finds no producer id writes one and
// reads again: the id of the first record counts, whichever process wrote it. Likewise the first
// cluster id that was written with the agreed producer id counts: a process whose source is another
// cluster (two deployments use one alias, or a bootstrap address was moved) is refused. Only a
// record that names the cluster id that it replaces changes the agreed id. Compaction keeps only
// the newest record; so if the newest record differs from the agreement, a process writes the
// agreement again.
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { FlowProducer } from './progress-record.ts'
import { noProducer, type ProducerIdentity } from './progress.ts'
import { patiently, type ProgressTopicOptions } from './progress-topic.ts'
import type { SlotProgress } from './slot-contents.ts'

export interface AgreementOptions extends ProgressTopicOptions {
  readonly sourceAlias: string
  /** Null if the cluster has none (before Kafka 0.10.1): then no cluster ids are compared. */
  readonly sourceClusterId: string | null
  /** The source cluster that may replace the one on record; '': no other cluster may. */
  readonly acceptedClusterId: string
  /** Whether the flow's topics keep their names; absent: not known. */
  readonly keepsNames?: boolean
  /** Whether other processes of this flow run; such a process has recorded a producer id before. */
  readonly othersRun: () => Promise<boolean>
  /** How long those processes have to write the id again; a minute by default. */
  readonly othersMsMax?: number
}

const producerSlot = 0
// Between readings for a producer id that a running process is about to write again.
const lostProducerMs = 500

/** `known`: the id that this process mirrors with, if the record was lost with its topic. */
export async function agreeOnProducer (
  options: AgreementOptions, known?: ProducerIdentity, signal?: AbortSignal
): Promise<ProducerIdentity> {
  const { sourceClusterId } = options
  const ours = {
    ...(sourceClusterId === null ? {} : { sourceClusterId }),
    ...(options.keepsNames === undefined ? {} : { keepsNames: options.keepsNames })
  }
  let records = await producersOf(options, signal)
  if (records.length === 0) {
    const identity = known ?? await lostProducer(options, signal) ??
      await allocateProducer(options, signal)
    await write(options, { ...identityOf(identity), ...ours }, signal)
    records = await producersOf(options, signal)
  }
  let agreed = agreedOf(records)
  if (agreed !== undefined && agreed.sourceClusterId === undefined && sourceClusterId !== null) {
    // A record of version 1 does not name the source cluster. The first process adds it.
    await write(options, { ...agreed, ...ours }, signal)
    records = await producersOf(options, signal)
    agreed = agreedOf(records)
  }
  if (agreed === undefined) throw new ReplicatorError('PROGRESS_UNREADABLE', options.topic)
  const settled = withNames(settleCluster(options, agreed), options.keepsNames)
  if (settled.replacesClusterId !== undefined || !saysSame(records.at(-1), settled)) {
    await write(options, settled, signal)
  }
  return identityOf(settled)
}

/**
 * Records that the flow carries records of these clusters under their names, unless the newest
 * record says so. Earlier entries stay: batches of that time are on the target.
 */
export async function keepCarried (
  options: Pick<AgreementOptions, 'store' | 'topic'>, carried: readonly string[],
  signal?: AbortSignal
): Promise<void> {
  const records = await producersOf(options, signal)
  const agreed = agreedOf(records)
  if (agreed === undefined) throw new ReplicatorError('PROGRESS_UNREADABLE', options.topic)
  const all = [...new Set([...agreed.carried ?? [], ...carried])].sort()
  const settled = { ...agreed, keepsNames: true, carried: all }
  if (!saysSame(records.at(-1), settled)) await write(options, settled, signal)
}

/**
 * A new producer id, or none if the target does not support InitProducerId. A missing permission is
 * thrown instead: an operator can grant it, while a flow without an id would stay without one.
 */
export async function allocateProducer (
  { clock, target }: Pick<AgreementOptions, 'clock' | 'target'>, signal?: AbortSignal
): Promise<ProducerIdentity> {
  try {
    return await patiently(clock, signal, async () => await target.initProducerId())
  } catch (thrown) {
    const error = ReplicatorError.from(thrown)
    const isMissing = error.errorName === '_UNSUPPORTED_FEATURE' ||
      error.errorName === 'UNSUPPORTED_VERSION'
    if (!isMissing) throw thrown
    return noProducer
  }
}

/** Throws the errors of agreeOnProducer() that concern the source cluster. Writes nothing. */
export async function checkSourceCluster (
  options: AgreementOptions, signal?: AbortSignal
): Promise<void> {
  const agreed = agreedOf(await producersOf(options, signal))
  if (agreed !== undefined) settleCluster(options, agreed)
}

/** The id and the cluster that all processes agree on, by the order of the records in the log. */
export function agreedOf (records: readonly FlowProducer[]): FlowProducer | undefined {
  let agreed = records[0]
  for (const record of records) {
    const { producerId, replacesClusterId, sourceClusterId } = record
    if (agreed === undefined || producerId !== agreed.producerId) continue
    const known = agreed.sourceClusterId
    if (sourceClusterId !== undefined && (known === undefined || replacesClusterId === known)) {
      agreed = { ...identityOf(agreed), sourceClusterId }
    }
  }
  if (agreed === undefined) return undefined
  const { producerId, sourceClusterId } = agreed
  const same = records.filter(record => record.producerId === producerId)
  const carried = [...new Set(same.flatMap(record => record.carried ?? []))].sort()
  const said = same.flatMap(({ keepsNames }) => keepsNames ?? [])
  return {
    ...identityOf(agreed),
    ...(sourceClusterId === undefined ? {} : { sourceClusterId }),
    ...(said.length === 0 ? {} : { keepsNames: said.includes(true) }),
    ...(carried.length === 0 ? {} : { carried })
  }
}

/** If topics ever kept their names, batches of that time are on the target. */
function withNames (agreed: FlowProducer, keepsNames: boolean | undefined): FlowProducer {
  if (keepsNames === undefined) return agreed
  return { ...agreed, keepsNames: keepsNames || agreed.keepsNames === true }
}

function saysSame (newest: FlowProducer | undefined, agreed: FlowProducer): boolean {
  return newest !== undefined && newest.producerId === agreed.producerId &&
    newest.sourceClusterId === agreed.sourceClusterId &&
    newest.keepsNames === agreed.keepsNames &&
    (newest.carried ?? []).join() === (agreed.carried ?? []).join()
}

/** The producer with our source cluster; throws if the progress belongs to another cluster. */
function settleCluster (options: AgreementOptions, agreed: FlowProducer): FlowProducer {
  const { acceptedClusterId, sourceAlias, sourceClusterId, target, topic } = options
  const { sourceClusterId: onRecord } = agreed
  if (sourceClusterId === null || onRecord === undefined || onRecord === sourceClusterId) {
    return agreed
  }
  const detail = `${sourceAlias} is cluster ${sourceClusterId} now, and ${topic} on ` +
    `${target.cluster} was written for ${sourceAlias} as cluster ${onRecord}`
  if (acceptedClusterId !== sourceClusterId) {
    throw new ReplicatorError('CLUSTER_CHANGED', detail, { setting: 'accepted.cluster.id' })
  }
  options.onWarning(new ReplicatorError('CLUSTER_ACCEPTED', detail))
  return { ...agreed, sourceClusterId, replacesClusterId: onRecord }
}

async function producersOf (
  { store }: Pick<AgreementOptions, 'store'>, signal: AbortSignal | undefined
): Promise<readonly FlowProducer[]> {
  return (await store.read(producerSlot, signal)).producers
}

/**
 * Each position names its producer id, so a lost record of the id itself loses nothing. While other
 * processes of the flow run, no new id is allocated: those processes write theirs again.
 */
async function lostProducer (
  options: AgreementOptions, signal: AbortSignal | undefined
): Promise<ProducerIdentity | undefined> {
  const { clock, othersMsMax = 60_000, othersRun, slots, store, topic } = options
  const deadline = clock.monotonic() + othersMsMax
  for (;;) {
    const isShared = await othersRun()
    const found = mostUsed(await Promise.all(Array.from({ length: slots },
      async (_, slot) => await store.read(slot, signal))))
    if (found !== undefined || !isShared) return found
    if (clock.monotonic() > deadline) {
      throw new ReplicatorError('PROGRESS_UNREADABLE', `${topic} holds no producer id, and no ` +
        'process of the group writes it again')
    }
    await clock.sleep(lostProducerMs, signal)
  }
}

/** The id on record; without one, the id that most positions name. */
function mostUsed (slots: readonly SlotProgress[]): ProducerIdentity | undefined {
  const onRecord = slots.flatMap(({ producers }) => producers)[0]
  if (onRecord !== undefined) return identityOf(onRecord)
  const counts = new Map<bigint, number>()
  for (const { partitions } of slots) {
    for (const { producerId } of partitions.values()) {
      counts.set(producerId, (counts.get(producerId) ?? 0) + 1)
    }
  }
  const [most] = [...counts].sort(([, count], [, other]) => other - count)
  // Brokers allocate ids of idempotent producers with epoch 0, and we never raise it.
  return most === undefined ? undefined : { producerId: most[0], producerEpoch: 0 }
}

function identityOf ({ producerEpoch, producerId }: ProducerIdentity): ProducerIdentity {
  return { producerId, producerEpoch }
}

async function write (
  { store }: Pick<AgreementOptions, 'store'>, producer: FlowProducer,
  signal: AbortSignal | undefined
): Promise<void> {
  await store.write([{ slot: producerSlot, record: { kind: 'producer', producer } }], signal)
}
