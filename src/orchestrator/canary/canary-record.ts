// A canary record: its identity, and how far its writer had compared the records on the source with
// those on the target, so that the next owner of the duty continues there. Pure.
import { fromJson, toJson, type Fields } from '../progress/progress-record.ts'

/** An offset of each log. */
export interface CanaryPlace {
  readonly source: bigint
  readonly target: bigint
}

export interface CanaryProgress {
  /** Where to read the logs again: some records before `counted`, which match each other. */
  readonly context: CanaryPlace
  /** What became of the records below these offsets is counted already. */
  readonly counted: CanaryPlace
}

export interface CanaryContent {
  /** No other canary record has it. */
  readonly id: string
  /** Undefined until the first record has arrived on the target. */
  readonly progress: CanaryProgress | undefined
}

export function encodeCanary ({ id, progress }: CanaryContent): Buffer {
  return toJson({
    id,
    ...progress === undefined
      ? {}
      : { context: texts(progress.context), counted: texts(progress.counted) }
  })
}

/** Undefined for a record that is none. */
export function decodeCanary (value: Buffer | null): CanaryContent | undefined {
  const fields = value === null ? undefined : fromJson(value)
  const { id } = fields ?? {}
  if (fields === undefined || typeof id !== 'string' || id === '') return undefined
  const context = toPlace(fields['context'])
  const counted = toPlace(fields['counted'])
  const isKnown = context !== undefined && counted !== undefined
  return { id, progress: isKnown ? { context, counted } : undefined }
}

function texts ({ source, target }: CanaryPlace): Fields {
  return { source: String(source), target: String(target) }
}

function toPlace (value: unknown): CanaryPlace | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { source, target } = value as Fields
  return isOffset(source) && isOffset(target)
    ? { source: BigInt(source), target: BigInt(target) }
    : undefined
}

function isOffset (value: unknown): value is string {
  return typeof value === 'string' && /^\d{1,19}$/.test(value)
}
