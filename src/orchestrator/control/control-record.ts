// Operators' orders to a flow, and the announcements of its processes: records in slot 0 of the
// progress topic, which every process follows. Pure; JSON like progress (progress-record.ts).
//
//   {"control":"pause"}                                 the whole flow is paused, or not any more
//   {"control":"pause","topic":"orders"}                the same of a topic
//   {"control":"pause","topic":"orders","partition":3}  the same of a partition
//   {"control":"retry"}, with topic and partition       once: faulted partitions are retried
//   {"control":"skip","topic":"orders","partition":3}   once: continue at another source offset
//   {"control":"reload"}                                once: processes read their files again
//   {"control":"throttle"}                              the bandwidth, or again that of the file
//   {"control":"share","topic":"orders"}                the share of a topic in it, the same
//   {"control":"logLevel"}                              the log level, or again that of the file
//   {"member":"longhaul-..."}                           a process of the flow
//
// All are in slot 0, with the scope in the key, although partitions have slots of their own: one
// partition to follow holds everything that a process must know, in one order. The newest record of
// a key counts, and compaction keeps that record.
import { showBytes } from '../config/setting-kinds.ts'
import { logLevels, type LogLevel } from '../observability/log-levels.ts'
import {
  fromJson, progressVersion, toJson, type EncodedRecord, type Fields
} from '../progress/progress-record.ts'
import type { TopicPartition } from '../progress/progress.ts'

/** The whole flow, a topic, or a partition. */
export interface ControlScope {
  readonly topic?: string
  readonly partition?: number
}

/** Who gave the order, when (epoch ms), and why. */
export interface Attribution {
  readonly by: string
  readonly atMs: number
  readonly reason: string
}

export interface PauseRecord extends Attribution {
  readonly kind: 'pause'
  readonly scope: ControlScope
  readonly isPaused: boolean
}

export interface RetryRecord extends Attribution {
  readonly kind: 'retry'
  readonly scope: ControlScope
  /** Distinguishes this order from an earlier order of the same scope. */
  readonly id: string
}

export interface SkipRecord extends Attribution {
  readonly kind: 'skip'
  readonly source: TopicPartition
  readonly id: string
  /** The source offset to continue at. */
  readonly to: bigint
}

export interface ReloadRecord extends Attribution {
  readonly kind: 'reload'
  readonly id: string
}

export interface LogLevelRecord extends Attribution {
  readonly kind: 'logLevel'
  /** Undefined: the level of each process's file. */
  readonly level: LogLevel | undefined
}

export interface ThrottleRecord extends Attribution {
  readonly kind: 'throttle'
  /** Of all processes of the flow; 0: no limit; undefined: `bandwidth.max` of the file. */
  readonly bytesPerSecond: number | undefined
}

export interface ShareRecord extends Attribution {
  readonly kind: 'share'
  readonly scope: { readonly topic: string }
  /** Of the bandwidth of the flow, 1 to 100; undefined: `bandwidth.share` of the file. */
  readonly percent: number | undefined
}

/** An order of an operator. */
export type Order =
  | PauseRecord | RetryRecord | SkipRecord | ReloadRecord | LogLevelRecord | ThrottleRecord
  | ShareRecord

/** A process of the flow. */
export interface FlowMember {
  readonly name: string
  /** Of Longhaul. */
  readonly build: string
  /** Where the process serves metrics and readiness; '': nowhere. */
  readonly address: string
  readonly startedMs: number
  /** The settings that all processes of the flow must share, by name, as text. */
  readonly settings: Readonly<Record<string, string>>
  /** The task slots that the process owns; absent: its build does not announce them. */
  readonly slots?: readonly number[]
}

export type ControlRecord =
  | Order
  | { readonly kind: 'member', readonly member: FlowMember }
  /** A tombstone: no order is in force under this key. */
  | { readonly kind: 'none', readonly key: string }

export function encodeControl (record: Exclude<ControlRecord, { kind: 'none' }>): EncodedRecord {
  if (record.kind === 'member') {
    const { address, build, name, settings, slots, startedMs } = record.member
    return {
      key: toJson({ member: name }),
      value: toJson({ version: progressVersion, build, address, startedMs, settings, slots })
    }
  }
  const { atMs, by, reason } = record
  const attribution = { version: progressVersion, by, atMs, reason }
  const key = keyOf(record)
  switch (record.kind) {
    case 'pause': return { key, value: toJson({ ...attribution, paused: record.isPaused }) }
    case 'retry': return { key, value: toJson({ ...attribution, id: record.id }) }
    case 'skip':
      return { key, value: toJson({ ...attribution, id: record.id, to: String(record.to) }) }
    case 'reload': return { key, value: toJson({ ...attribution, id: record.id }) }
    case 'logLevel': return { key, value: toJson({ ...attribution, level: record.level ?? null }) }
    case 'throttle':
      return {
        key, value: toJson({ ...attribution, bytesPerSecond: record.bytesPerSecond ?? null })
      }
    case 'share': return { key, value: toJson({ ...attribution, percent: record.percent ?? null }) }
  }
}

/** Removes a record: a skip that was carried out, a member that has left. */
export function encodeControlEnd (
  record: SkipRecord | { readonly kind: 'member', readonly member: Pick<FlowMember, 'name'> }
): EncodedRecord {
  return { key: keyOf(record), value: null }
}

/** Undefined for keys of other kinds; a text if the value under a key of ours is unusable. */
export function decodeControl (
  key: Buffer, value: Buffer | null
): ControlRecord | string | undefined {
  const names = fromJson(key)
  if (names === undefined) return undefined
  const { control, member } = names
  const isOurs = typeof member === 'string' || typeof control === 'string'
  if (!isOurs) return undefined
  if (value === null) return { kind: 'none', key: String(key) }
  const fields = fromJson(value)
  const record = fields === undefined
    ? undefined
    : typeof member === 'string' ? toMember(member, fields) : toControl(names, fields)
  return record ?? `${String(key)} has a value that is no control record: ${String(value)}`
}

/** The process that a key of ours names; '': the key names no process. */
export function memberOf (key: string): string {
  const { member } = JSON.parse(key) as { readonly member?: unknown }
  return typeof member === 'string' ? member : ''
}

function keyOf (
  record: Order | { readonly kind: 'member', readonly member: Pick<FlowMember, 'name'> }
): Buffer {
  if (record.kind === 'member') return toJson({ member: record.member.name })
  const { partition, topic } = scopeOf(record)
  return toJson({ control: record.kind, topic, partition })
}

/** As log lines and commands name it. */
export function scopeText ({ partition, topic }: ControlScope): string {
  if (topic === undefined) return 'the flow'
  return partition === undefined ? topic : `${topic}-${partition}`
}

/** The part of the flow that an order concerns. */
export function scopeOf (order: Order): ControlScope {
  switch (order.kind) {
    case 'pause':
    case 'retry':
    case 'share': return order.scope
    case 'skip': return order.source
    case 'reload':
    case 'logLevel':
    case 'throttle': return {}
  }
}

/** Undefined: `bandwidth.max` of the file; 0: no limit. */
export function limitText (bytesPerSecond: number | undefined): string {
  if (bytesPerSecond === undefined) return 'that of the file'
  const unit = bytesPerSecond % 1024 === 0 ? '' : 'B'
  return bytesPerSecond === 0 ? 'not limited' : `limited to ${showBytes(bytesPerSecond)}${unit}/s`
}

/** Undefined: `bandwidth.share` of the file. */
export function shareText (percent: number | undefined): string {
  return percent === undefined ? 'that of the file' : `${percent} %`
}

/** What an order about the bandwidth says, for the log. */
export function bandwidthText (record: ThrottleRecord | ShareRecord): string {
  return record.kind === 'throttle'
    ? `the bandwidth of the flow is ${limitText(record.bytesPerSecond)}`
    : `the share of ${record.scope.topic} in the bandwidth is ${shareText(record.percent)}`
}

function toControl (names: Fields, fields: Fields): ControlRecord | undefined {
  const { atMs, by, bytesPerSecond, id, level, paused, percent, reason, to } = fields
  const scope = toScope(names)
  const isAttributed = typeof by === 'string' && isCount(atMs) && typeof reason === 'string'
  if (scope === undefined || !isAttributed) return undefined
  const attribution = { by, atMs, reason }
  switch (names['control']) {
    case 'pause':
      return typeof paused === 'boolean'
        ? { kind: 'pause', scope, isPaused: paused, ...attribution }
        : undefined
    case 'retry':
      return typeof id === 'string' ? { kind: 'retry', scope, id, ...attribution } : undefined
    case 'skip': {
      const { partition, topic } = scope
      const isOffset = typeof to === 'string' && /^\d{1,19}$/.test(to)
      if (topic === undefined || partition === undefined || !isOffset) return undefined
      if (typeof id !== 'string') return undefined
      return { kind: 'skip', source: { topic, partition }, to: BigInt(to), id, ...attribution }
    }
    case 'reload':
      return typeof id === 'string' ? { kind: 'reload', id, ...attribution } : undefined
    case 'logLevel': {
      const known = logLevels.find(each => each === level)
      return known === undefined && level !== null
        ? undefined
        : { kind: 'logLevel', level: known, ...attribution }
    }
    case 'throttle':
      return bytesPerSecond === null || isCount(bytesPerSecond)
        ? { kind: 'throttle', bytesPerSecond: bytesPerSecond ?? undefined, ...attribution }
        : undefined
    case 'share': {
      const { partition, topic } = scope
      const isShare = percent === null || (isCount(percent) && percent >= 1 && percent <= 100)
      if (topic === undefined || partition !== undefined || !isShare) return undefined
      return { kind: 'share', scope: { topic }, percent: percent ?? undefined, ...attribution }
    }
    default: return undefined
  }
}

function toScope ({ partition, topic }: Fields): ControlScope | undefined {
  if (topic === undefined && partition === undefined) return {}
  if (typeof topic !== 'string') return undefined
  if (partition === undefined) return { topic }
  return isCount(partition) ? { topic, partition } : undefined
}

function toMember (name: string, fields: Fields): ControlRecord | undefined {
  const { address, build, settings, slots, startedMs } = fields
  if (typeof build !== 'string' || typeof address !== 'string' || !isCount(startedMs) ||
    typeof settings !== 'object' || settings === null) return undefined
  const texts = Object.entries(settings)
    .filter((entry): entry is [string, string] => typeof entry[1] === 'string')
  return {
    kind: 'member',
    member: {
      name,
      build,
      address,
      startedMs,
      settings: Object.fromEntries(texts),
      ...Array.isArray(slots) && { slots: slots.filter(isCount) }
    }
  }
}

function isCount (number: unknown): number is number {
  return typeof number === 'number' && Number.isSafeInteger(number) && number >= 0
}
