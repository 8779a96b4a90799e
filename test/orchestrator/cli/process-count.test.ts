// The number of processes in `longhaul status`.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type {
  ClusterAdmin, GroupDescription
} from '../../../src/orchestrator/cluster/cluster-admin.ts'
import { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'
import {
  countProcesses, processExit, processJson, processLines
} from '../../../src/orchestrator/cli/process-count.ts'

const admin = (
  describeGroups: () => Promise<ReadonlyArray<Partial<GroupDescription>>>
): Pick<ClusterAdmin, 'describeGroups'> =>
  ({ describeGroups }) as unknown as Pick<ClusterAdmin, 'describeGroups'>

const moving = new ReplicatorError('COORDINATOR_NOT_AVAILABLE', 'group longhaul.east->west')

// A group whose coordinator did not answer had 0 processes, and the exit code of an outage.
test('a group that cannot be described has an unknown number of processes, with the reason',
  async () => {
    for (const target of [
      admin(async () => [{ members: [], error: moving }]),
      admin(async () => { throw moving })
    ]) {
      const count = await countProcesses(target, 'east->west')
      assert.deepEqual(processLines('east->west', count), [
        'east->west: an unknown number of processes in longhaul.east->west',
        `  ${moving.message}`
      ])
      assert.deepEqual(processJson(count), { processes: null, processesUnknown: moving.message })
      assert.equal(processExit([1, count]), 1)
      assert.equal(processExit([0, count]), 10, 'a flow without processes is certain')
    }
  })

test('a group has as many processes as members', async () => {
  const member = { memberId: 'm', clientId: 'c', host: '/127.0.0.1' }
  const two = admin(async () => [{ members: [member, member] }])
  const none = admin(async () => [])
  assert.equal(await countProcesses(none, 'east->west'), 0)
  const count = await countProcesses(two, 'east->west')
  assert.deepEqual(processLines('east->west', count),
    ['east->west: 2 processes in longhaul.east->west'])
  assert.deepEqual(processJson(count), { processes: 2, processesUnknown: null })
  assert.equal(processExit([count, 1]), 0)
  assert.equal(processExit([count, 0]), 10)
})
