// What a member of the group reports of its connections.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'
import { GroupMember } from '../../../src/orchestrator/ownership/group-member.ts'
import { systemClock } from '../../../src/orchestrator/time/clock.ts'
import { eventually } from '../../kafka/eventually.ts'

// Regression: node-rdkafka emits the text of the code without the broker: of several brokers the
// log named none.
test('a connection that fails is named with its broker and the reason', async () => {
  const errors: ReplicatorError[] = []
  const member = new GroupMember({
    group: 'longhaul.east->west',
    topic: 'progress',
    memberName: 'test',
    // No process listens on ports below those of services.
    client: { cluster: 'west', properties: { 'bootstrap.servers': '127.0.0.1:1' } },
    sessionTimeoutMs: 10_000,
    timeoutMs: 60_000,
    clock: systemClock,
    onAssigned: () => {},
    onRevoked: async () => {},
    onError: error => { errors.push(error) }
  })
  // A member whose join has failed reports nothing: on a busy machine a second passed before the
  // connection was refused.
  const joining = member.join().catch(() => {})
  const { message } = await eventually('an error', () => errors[0])
  await member.leave()
  await joining
  assert.match(message, /: group longhaul\.east->west: 127\.0\.0\.1:1, Connection refused\. /)
})
