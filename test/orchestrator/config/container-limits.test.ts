// The limits of a container, read from the files that its kernel shows, and the defaults that
// follow from them.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  noLimits, readContainerLimits, withinMachine, type ContainerLimits
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

function configWithin (limits: ContainerLimits, ...lines: readonly string[]) {
  const parsed = parseConfig(['clusters = A, B', 'A.bootstrap.servers = a:1',
    'B.bootstrap.servers = b:1', 'A->B.enabled = true', ...lines].join('\n'), { limits })
  assert.ok(parsed.ok)
  return parsed.config
}

/** The lanes of each flow, and the memory that they share, in MiB: at first, and at most. */
function within (limits: ContainerLimits, ...lines: readonly string[]) {
  const config = configWithin(limits, ...lines)
  assert.deepEqual(config.warnings, [], 'nobody wrote what does not fit')
  const lanes = config.flows.map(({ settings }) => settings.lanes)
  const max = config.process['in.flight.bytes.max']
  for (const { forwarder } of config.flows) {
    assert.equal(forwarder.inFlightBytesMax, max)
    assert.equal(forwarder.processLanes, lanes.reduce((sum, each) => sum + each, 0))
    assert.ok(forwarder.fetchBytesMax <= max)
  }
  return [...lanes, max / MiB, (config.flows[0]?.forwarder.inFlightBytesRaisedMax ?? 0) / MiB]
}

describe('the defaults of lanes and in.flight.bytes.max', () => {
  const small = { memoryBytes: 128 * MiB, cpus: 0.5 }

  test('are those of the table without limits, and with large ones', () => {
    assert.deepEqual(within(noLimits), [2, 48, 16 * 1024])
    assert.deepEqual(within({ memoryBytes: 2 ** 34, cpus: 16 }), [2, 48, 4 * 1024])
  })

  test('fit into the container: all lanes of all flows have a quarter of its memory', () => {
    assert.deepEqual(within({ ...small, cpus: 1.9 }), [1, 32, 32])
    assert.deepEqual(within({ ...small, cpus: 2 }), [2, 32, 32])
    assert.deepEqual(within(small, 'B->A.enabled = true'), [1, 1, 32, 32])
    assert.deepEqual(within({ ...small, memoryBytes: MiB }), [1, 1, 1])
    assert.deepEqual(within({ memoryBytes: MiB, cpus: 8 }, 'B->A.enabled = true'), [2, 2, 4, 4])
  })

  test('do not replace what the file says, and the process does not raise that', () => {
    assert.deepEqual(within(small, 'lanes = 4'), [4, 32, 32])
    assert.deepEqual(within(small, 'in.flight.bytes.max = 100MiB'), [1, 100, 100])
  })

  test('leave a lane enough for a Fetch: with less in the file, more is used and said', () => {
    const config = configWithin(noLimits, 'in.flight.bytes.max = 2MiB', 'B->A.enabled = true')
    assert.deepEqual(config.warnings, ['in.flight.bytes.max=2MiB (line 5) is less than 1MiB for ' +
      'each of the 4 lanes of all flows: 4MiB is used; lower lanes to change that'])
    assert.equal(config.process['in.flight.bytes.max'], 4 * MiB)
    assert.equal(config.flows[1]?.forwarder.inFlightBytesRaisedMax, 4 * MiB)
  })
})

test('a container without a limit has the memory of the machine', () => {
  assert.deepEqual(withinMachine({ memoryBytes: Infinity, cpus: 2 }, 8 * MiB),
    { memoryBytes: 8 * MiB, cpus: 2 })
  assert.deepEqual(withinMachine({ memoryBytes: MiB, cpus: 2 }, 8 * MiB),
    { memoryBytes: MiB, cpus: 2 })
})

test('in.flight.bytes.max of one flow is refused: it is of the whole process', () => {
  const parsed = parseConfig(['clusters = A, B', 'A.bootstrap.servers = a:1',
    'B.bootstrap.servers = b:1', 'A->B.enabled = true',
    'A->B.in.flight.bytes.max = 8MiB'].join('\n'))
  assert.ok(!parsed.ok)
  assert.match(parsed.problems.join(), /of the whole process; write in\.flight\.bytes\.max=8MiB/)
})
