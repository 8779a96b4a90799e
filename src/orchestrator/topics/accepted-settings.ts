// Finds the settings that a target accepts for a new topic, after it has refused all of them
// together. Brokers and policies answer with a text for people, so the search tries sets of
// settings to find the refused ones. Pure: yields the next attempt, receives the target's answer.
import type { ReplicatorError } from '../errors/replicator-error.ts'
import type { Settings, WantedSettings } from './source-settings.ts'

export interface LeftOutSetting {
  readonly name: string
  readonly value: string
  /** The target's error for the setting. */
  readonly refusal: ReplicatorError
}

export interface AcceptedSettings {
  readonly configs: Settings
  readonly leftOut: readonly LeftOutSetting[]
}

/** Settings with which to create the topic, or which the target must check. */
export interface Attempt {
  readonly configs: Settings
  readonly validateOnly: boolean
}

/** The target's answer to an attempt; undefined: the target accepts the settings. */
export type Answer = ReplicatorError | undefined

/** Ends with an error if the target refuses the topic for another reason than its settings. */
export type SettingsSearch = Generator<Attempt, AcceptedSettings | ReplicatorError, Answer>

function check (configs: Settings): Attempt {
  return { configs, validateOnly: true }
}

/** Whether a refusal may be about the settings of the topic. */
export function mayBeAboutSettings (error: ReplicatorError): boolean {
  return error.errorName === 'INVALID_CONFIG' || error.errorName === 'POLICY_VIOLATION'
}

/**
 * Tries at most 2 n + 5 sets of n settings: two with other bounds, three without settings, and 2 n
 * to find the refused settings. Searches for many topics in parallel share their requests.
 */
export function * searchAcceptedSettings (
  { settings, bounds }: WantedSettings, refusal: ReplicatorError
): SettingsSearch {
  const [tried, ...others] = bounds
  for (const other of others) {
    const configs = { ...settings, ...other }
    const answer: Answer = yield check(configs)
    if (answer === undefined) return { configs, leftOut: unbounded(tried, other, refusal) }
    if (!mayBeAboutSettings(answer)) return answer
  }
  for (const base of bounds) {
    const answer: Answer = yield check(base)
    if (answer === undefined) {
      // If no bound is accepted, the first bounds are tried like settings.
      const wanted = isEmpty(base) ? { ...settings, ...tried } : settings
      return yield * addAccepted(base, Object.entries(wanted), refusal)
    }
    if (!mayBeAboutSettings(answer)) return answer
  }
  // A policy that requires a setting refuses every base.
  return yield * leaveOneOut({ ...settings, ...tried }, refusal)
}

function isEmpty (settings: Settings): boolean {
  return Object.keys(settings).length === 0
}

/** A bound that is set under another name does not count as left out; a missing bound does. */
function unbounded (
  tried: Settings, accepted: Settings, refusal: ReplicatorError
): readonly LeftOutSetting[] {
  if (!isEmpty(accepted)) return []
  return Object.entries(tried).map(([name, value]) => ({ name, value, refusal }))
}

/** Adds to the accepted settings `base` the candidates that the target accepts with them. */
function * addAccepted (
  base: Settings, candidates: ReadonlyArray<readonly [string, string]>, refusal: ReplicatorError
): SettingsSearch {
  let configs = base
  const leftOut: LeftOutSetting[] = []
  const groups = [{ candidates, refusal }] // each is refused as a whole
  for (let group = groups.pop(); group !== undefined; group = groups.pop()) {
    const [first, second] = group.candidates
    if (first === undefined) continue
    if (second === undefined) {
      leftOut.push({ name: first[0], value: first[1], refusal: group.refusal })
      continue
    }
    const middle = Math.ceil(group.candidates.length / 2)
    for (const half of [group.candidates.slice(0, middle), group.candidates.slice(middle)]) {
      const attempt = { ...configs, ...Object.fromEntries(half) }
      const answer: Answer = yield check(attempt)
      if (answer === undefined) configs = attempt
      else if (mayBeAboutSettings(answer)) groups.push({ candidates: half, refusal: answer })
      else return answer
    }
  }
  return { configs, leftOut }
}

function * leaveOneOut (settings: Settings, refusal: ReplicatorError): SettingsSearch {
  for (const [name, value] of Object.entries(settings)) {
    const configs = Object.fromEntries(Object.entries(settings).filter(([each]) => each !== name))
    const answer: Answer = yield check(configs)
    if (answer === undefined) return { configs, leftOut: [{ name, value, refusal }] }
    if (!mayBeAboutSettings(answer)) return answer
  }
  return refusal
}
