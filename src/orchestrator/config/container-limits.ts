// The memory and CPU that a container or a systemd unit leaves to this process: cgroup v2, or v1.
// The settings that follow from them.
// Node itself lowers the limit of its heap to the memory limit, and lanes/heap-growth keeps the
// heap far below; os.availableParallelism() of Node 20 does not know a CPU quota.
import { posix } from 'node:path'
import type { Entry } from './properties-text.ts'
import type { FlowSettings } from './config-table.ts'

export interface ContainerLimits {
  /** Infinity: no limit. */
  readonly memoryBytes: number
  /** 0.5 is half of a CPU; Infinity: no limit. */
  readonly cpus: number
}

/** Where the container has no limit, the machine has one. */
export function withinMachine (limits: ContainerLimits, memoryBytes: number): ContainerLimits {
  return { ...limits, memoryBytes: Math.min(limits.memoryBytes, memoryBytes) }
}

export const noLimits: ContainerLimits = { memoryBytes: Infinity, cpus: Infinity }

const { dirname, join } = posix
const root = '/sys/fs/cgroup'
/** The v1 kernel shows no limit as a number next to 2^63. */
const unlimitedBytes = 2 ** 60

/** The smallest limits of the process's own group and the groups that it is in. */
export function readContainerLimits (readText: (path: string) => string): ContainerLimits {
  const tryText = (path: string): string => {
    try { return readText(path) } catch { return '' }
  }
  const limits = [...tryText('/proc/self/cgroup').matchAll(/^\d+:([^:]*):(\/.*)$/gm)]
    .flatMap(([, controllers = '', group = '/']) => {
      const names = controllers.split(',')
      return withParents(group).flatMap(path => [
        ...controllers === '' ? unifiedLimits(join(root, path), tryText) : [],
        ...names.includes('memory') ? [memoryV1(join(root, 'memory', path), tryText)] : [],
        ...names.includes('cpu') ? [cpusV1(join(root, 'cpu', path), tryText)] : []
      ])
    })
  return {
    memoryBytes: Math.min(...limits.map(({ memoryBytes = Infinity }) => memoryBytes)),
    cpus: Math.min(...limits.map(({ cpus = Infinity }) => cpus))
  }
}

type SomeLimits = Partial<ContainerLimits>

function unifiedLimits (folder: string, tryText: (path: string) => string): SomeLimits[] {
  const [quota, period] = tryText(join(folder, 'cpu.max')).trim().split(' ').map(Number)
  return [{
    memoryBytes: limited(Number(tryText(join(folder, 'memory.max')).trim() || NaN)),
    cpus: limited(Number(quota) / Number(period))
  }]
}

function memoryV1 (folder: string, tryText: (path: string) => string): SomeLimits {
  const bytes = limited(Number(tryText(join(folder, 'memory.limit_in_bytes')).trim() || NaN))
  return { memoryBytes: bytes < unlimitedBytes ? bytes : Infinity }
}

function cpusV1 (folder: string, tryText: (path: string) => string): SomeLimits {
  const quota = Number(tryText(join(folder, 'cpu.cfs_quota_us')).trim() || NaN)
  return { cpus: limited(quota / Number(tryText(join(folder, 'cpu.cfs_period_us')).trim() || NaN)) }
}

/** `max`, a negative number and a missing file limit nothing. */
function limited (value: number): number { return value > 0 ? value : Infinity }

/** In a container the path may be that of the host, of which only the root is visible. */
function withParents (group: string): readonly string[] {
  const parents = ['/']
  for (let path = group; path !== '/'; path = dirname(path)) parents.push(path)
  return parents
}

/** The default of `lanes` where the container has too few CPUs for it. */
export function fitLanes (
  settings: FlowSettings, written: (setting: keyof FlowSettings) => Entry | undefined,
  { cpus }: ContainerLimits
): FlowSettings {
  if (written('lanes') !== undefined) return settings
  return { ...settings, lanes: Math.min(settings.lanes, Math.max(1, Math.floor(cpus))) }
}
