// The changes to the settings of a remote topic that make it follow its source topic. Settings that
// only the target topic has are unchanged. Pure.
import type { ConfigChange, ConfigEntry } from '../cluster/cluster-admin.ts'
import type { Settings, WantedSettings } from './source-settings.ts'

/**
 * `previous` are the settings that this process has seen on the source topic before: a setting that
 * the source topic no longer has is deleted on the target, if the target still has the value of the
 * source. MirrorMaker 2 deletes on the target every setting that the source has not set.
 */
export function configChanges (
  { bounds, settings }: WantedSettings, target: readonly ConfigEntry[],
  previous: Settings = settings
): readonly ConfigChange[] {
  const onTarget = new Map(target.map(entry => [entry.name, entry]))
  const setOnTarget = (name: string): string | undefined => {
    const entry = onTarget.get(name)
    return entry?.source === 'DYNAMIC_TOPIC_CONFIG' ? entry.value ?? undefined : undefined
  }
  const set = Object.entries(settings)
    .filter(([name, value]) => setOnTarget(name) !== value)
  const deleted = Object.entries(previous)
    .filter(([name, value]) => settings[name] === undefined && setOnTarget(name) === value)
  return [
    ...[...set, ...wider(bounds, onTarget)].map(([name, value]) =>
      ({ operation: 'set' as const, name, value })),
    ...deleted.map(([name]) => ({ operation: 'delete' as const, name }))
  ]
}

/**
 * Bounds on timestamps, under the names that the target knows, if the target's present bound would
 * refuse a record that the source accepted.
 */
function wider (
  bounds: WantedSettings['bounds'], onTarget: ReadonlyMap<string, ConfigEntry>
): ReadonlyArray<readonly [name: string, value: string]> {
  const known = bounds.find(each => Object.keys(each).every(name => onTarget.has(name))) ?? {}
  return Object.entries(known).filter(([name, value]) => {
    const effective = onTarget.get(name)?.value ?? value
    return BigInt(effective) < BigInt(value)
  })
}
