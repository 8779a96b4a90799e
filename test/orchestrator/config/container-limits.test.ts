// The limits of a container, read from the files that its kernel shows, and the defaults that
// follow from them.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  noLimits, readContainerLimits, type ContainerLimits
} from '../../../src/orchestrator/config/container-limits.ts'
import { parseConfig } from '../../../src/orchestrator/config/parse-config.ts'

const MiB = 2 ** 20
const group = '/proc/self/cgroup'

const machines: ReadonlyArray<readonly [
  what: string, files: Readonly<Record<string, string>>, limits: ContainerLimits
]> = [
  ['a container, cgroup v2', {
    [group]: '0::/\n',
    '/sys/fs/cgroup/memory.max': '268435456\n',
    '/sys/fs/cgroup/cpu.max': '50000 100000\n'
  }, { memoryBytes: 256 * MiB, cpus: 0.5 }],
  ['a container without limits, cgroup v2', {
    [group]: '0::/\n',
    '/sys/fs/cgroup/memory.max': 'max\n',
    '/sys/fs/cgroup/cpu.max': 'max 100000\n'
  }, noLimits],
  ['a systemd unit in a slice that has a lower limit', {
    [group]: '0::/mirrors.slice/longhaul.service\n',
    '/sys/fs/cgroup/mirrors.slice/longhaul.service/memory.max': '2147483648\n',
    '/sys/fs/cgroup/mirrors.slice/memory.max': '1073741824\n',
    '/sys/fs/cgroup/mirrors.slice/longhaul.service/cpu.max': '300000 100000\n'
  }, { memoryBytes: 1024 * MiB, cpus: 3 }],
  ['a container, cgroup v1, that sees the path of the host', {
    [group]: '9:name=systemd:/\n4:memory:/docker/abc\n2:cpu,cpuacct:/docker/abc\n',
    '/sys/fs/cgroup/memory/memory.limit_in_bytes': '536870912\n',
    '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '150000\n',
    '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n'
  }, { memoryBytes: 512 * MiB, cpus: 1.5 }],
  ['a machine without limits, cgroup v1', {
    [group]: '4:memory:/\n2:cpu:/\n',
    '/sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712\n',
    '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1\n',
    '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n'
  }, noLimits],
  ['a system without cgroups', {}, noLimits]
]

describe('the limits of', () => {
  for (const [what, files, limits] of machines) {
    test(what, () => {
      assert.deepEqual(readContainerLimits(path => {
        const text = files[path]
        if (text === undefined) throw new Error(`ENOENT: ${path}`)
        return text
      }), limits)
    })
  }
})

function flowsWithin (limits: ContainerLimits, ...lines: readonly string[]) {
  const parsed = parseConfig(['clusters = A, B', 'A.bootstrap.servers = a:1',
    'B.bootstrap.servers = b:1', 'A->B.enabled = true', ...lines].join('\n'), { limits })
  assert.ok(parsed.ok)
  assert.deepEqual(parsed.config.warnings, [], 'nobody wrote what does not fit')
  return parsed.config.flows.map(({ forwarder, settings }) => {
    assert.equal(forwarder.inFlightBytesMax, settings['in.flight.bytes.max'])
    assert.ok(forwarder.fetchBytesMax <= forwarder.inFlightBytesMax)
    return [settings.lanes, settings['in.flight.bytes.max'] / MiB]
  })
}

describe('the defaults of lanes and in.flight.bytes.max', () => {
  const small = { memoryBytes: 128 * MiB, cpus: 0.5 }

  test('are those of the table without limits, and with large ones', () => {
    assert.deepEqual(flowsWithin(noLimits), [[2, 24]])
    assert.deepEqual(flowsWithin({ memoryBytes: 2 ** 34, cpus: 16 }), [[2, 24]])
  })

  test('fit into the container: all lanes of all flows have a quarter of its memory', () => {
    assert.deepEqual(flowsWithin({ ...small, cpus: 1.9 }), [[1, 24]])
    assert.deepEqual(flowsWithin({ ...small, cpus: 2 }), [[2, 16]])
    assert.deepEqual(flowsWithin(small, 'B->A.enabled = true'), [[1, 16], [1, 16]])
    assert.deepEqual(flowsWithin({ ...small, memoryBytes: MiB }), [[1, 1]])
  })

  test('do not replace what the file says', () => {
    assert.deepEqual(flowsWithin(small, 'lanes = 4'), [[4, 8]])
    assert.deepEqual(flowsWithin(small, 'in.flight.bytes.max = 100MiB'), [[1, 100]])
  })
})
