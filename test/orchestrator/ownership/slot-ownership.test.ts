// What happens to the slots when the group assigns them, is silent, or removes this process: over a
// member and a cluster that the test controls. slot-sharing.test.ts has real members.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type {
  ClusterAdmin, GroupDescription
} from '../../../src/orchestrator/cluster/cluster-admin.ts'
import { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'
import type { GroupMemberOptions } from '../../../src/orchestrator/ownership/group-member.ts'
import { SlotOwnership } from '../../../src/orchestrator/ownership/slot-ownership.ts'
import { silentLog } from '../observability/silent-log.ts'
import { ManualClock, settle } from '../time/manual-clock.ts'

const slots = 4
const all = [0, 1, 2, 3]
const memberName = 'longhaul-1'
const unanswered = new ReplicatorError('_TIMED_OUT', 'describeGroups')

class FakeMember {
  readonly options: GroupMemberOptions
  readonly assigned = new Set<number>()
  left = false

  constructor (options: GroupMemberOptions) { this.options = options }

  async join (): Promise<void> {}
  async leave (): Promise<void> { this.left = true }

  assign (...more: readonly number[]): void {
    for (const slot of more) this.assigned.add(slot)
    this.options.onAssigned(more)
  }

  async revoke (...gone: readonly number[]): Promise<void> {
    await this.options.onRevoked(gone, gone.length === this.assigned.size)
    for (const slot of gone) this.assigned.delete(slot)
  }
}

interface Fixture {
  readonly ownership: SlotOwnership
  readonly clock: ManualClock
  readonly members: FakeMember[]
  readonly released: number[][]
  readonly errors: ReplicatorError[]
  /** Whether the cluster does not answer the next looks at the group. */
  hangs: boolean
  /** The result of the next look at the group. */
  group: Partial<GroupDescription> | undefined
  /** Resolves the releases in progress; undefined: they end at once. */
  endRelease: (() => void) | undefined
}

function membersOf (...names: readonly string[]): Partial<GroupDescription> {
  return {
    state: 'Stable',
    members: names.map(clientId => ({ clientId, memberId: clientId, host: '' })),
    error: undefined
  }
}

function createOwnership (group: Partial<GroupDescription> | undefined): Fixture {
  const clock = new ManualClock()
  const members: FakeMember[] = []
  const admin = {
    cluster: 'west',
    describeGroups: async () => {
      if (fixture.hangs) await new Promise<never>(() => {})
      if (fixture.group === undefined) throw unanswered
      return [fixture.group]
    },
    describeCluster: async () => ({ brokers: [{ id: 1 }] }),
    describeConfigs: async () => [{
      entries: [
        { name: 'group.max.session.timeout.ms', value: '1800000' },
        { name: 'group.min.session.timeout.ms', value: '15000' },
        { name: 'group.max.size', value: '9' }
      ]
    }]
  } as unknown as ClusterAdmin
  const released: number[][] = []
  const errors: ReplicatorError[] = []
  const ownership = new SlotOwnership({
    group: 'longhaul.east->west',
    topic: 'progress',
    slots,
    memberName,
    admin,
    client: { cluster: 'west', properties: {} },
    sessionTimeoutMs: 10_000,
    timeoutMs: 60_000,
    work: {
      acquire: async () => {},
      release: async gone => {
        released.push([...gone])
        if (fixture.endRelease === undefined) return
        await new Promise<void>(resolve => { fixture.endRelease = resolve })
      },
      onError: error => { errors.push(error) }
    },
    log: silentLog,
    clock
  }, options => {
    const member = new FakeMember(options)
    members.push(member)
    return member
  })
  const fixture: Fixture =
    { ownership, clock, members, released, errors, hangs: false, group, endRelease: undefined }
  return fixture
}

const ownedOf = ({ ownership }: Fixture): number[] => [...ownership.owned].sort()

async function createAlone (): Promise<Fixture & { readonly member: FakeMember }> {
  const fixture = createOwnership(membersOf(memberName))
  await fixture.ownership.start(new AbortController().signal)
  const [member] = fixture.members
  assert.ok(member !== undefined)
  return Object.assign(fixture, { member })
}

async function createOneOfTwo (): Promise<Fixture & { readonly member: FakeMember }> {
  const fixture = createOwnership(membersOf(memberName, 'other'))
  await fixture.ownership.start(new AbortController().signal)
  const [member] = fixture.members
  assert.ok(member !== undefined)
  member.assign(0, 1)
  await settle()
  return Object.assign(fixture, { member })
}

describe('a process that joins', () => {
  test('owns all slots at once if it is alone, and keeps what the group assigns',
    async () => {
      const alone = await createAlone()
      assert.equal(alone.ownership.health.state, 'provisional')
      assert.deepEqual(ownedOf(alone), all)
      alone.member.assign(0, 1)
      await settle()
      assert.equal(alone.ownership.health.state, 'member')
      assert.deepEqual(alone.released, [[2, 3]])
      assert.deepEqual(ownedOf(alone), [0, 1])
    })

  test('owns no slots before the group assigns them, if it sees others or no answer',
    async () => {
      const failed = { error: unanswered, members: [], state: '' }
      for (const group of [membersOf(memberName, 'other'), undefined, failed]) {
        const fixture = createOwnership(group)
        await fixture.ownership.start(new AbortController().signal)
        assert.equal(fixture.ownership.health.state, 'joining')
        assert.deepEqual(ownedOf(fixture), [])
      }
    })

  test('without slots is ready if others own them, and not ready if no process does',
    async () => {
      const fixture = createOwnership(membersOf(memberName, 'other'))
      await fixture.ownership.start(new AbortController().signal)
      fixture.members[0]?.assign()
      await fixture.clock.advance(5_000)
      assert.equal(fixture.ownership.health.unownedByAnybody, false)
      fixture.group = membersOf()
      await fixture.clock.advance(5_000)
      assert.equal(fixture.ownership.health.unownedByAnybody, true)
      fixture.group = undefined
      await fixture.clock.advance(5_000)
      assert.equal(fixture.ownership.health.unownedByAnybody, undefined)
    })
})

// Regression: /readyz gave the error of a broker that had died long before as the reason of what
// followed.
test('an error of the group is no reason any more once the group is stable with this process',
  async () => {
    const one = await createOneOfTwo()
    const lost = new ReplicatorError('_TRANSPORT', 'group longhaul.east->west: broker 1')
    one.member.options.onError(lost)
    assert.equal(one.ownership.health.reason, lost)
    one.group = { ...membersOf(memberName, 'other'), state: 'PreparingRebalance' }
    await one.clock.advance(5_000)
    assert.equal(one.ownership.health.reason, lost)
    one.group = membersOf(memberName, 'other')
    await one.clock.advance(5_000)
    assert.equal(one.ownership.health.reason, undefined)
  })

describe('a process whose session has ended', () => {
  // Regression: the coordinator hung: the flow was stalled for a minute though no data was on that
  // broker.
  test('and that owned all slots keeps them, and answers the group at once', async () => {
    const alone = await createAlone()
    alone.member.assign(...all)
    alone.group = undefined
    await alone.member.revoke(...all)
    assert.equal(alone.ownership.health.state, 'provisional')
    assert.match(alone.ownership.health.silence ?? '', /not answer; this process keeps all slots/)
    await alone.clock.advance(30_000)
    assert.deepEqual([ownedOf(alone), alone.released], [all, []])
    // The group answers again: another process has joined meanwhile.
    alone.member.assign(2, 3)
    await settle()
    assert.deepEqual([ownedOf(alone), alone.released], [[2, 3], [[0, 1]]])
    assert.equal(alone.ownership.health.silence, undefined)
  })

  // Regression: after the progress topic was deleted, one line said that the group does not answer,
  // and another one advised to exclude the topic.
  test('because the topic was deleted says so, and leaves it to the progress to recreate it',
    async () => {
      const alone = await createAlone()
      alone.member.assign(...all)
      alone.member.options.onError(new ReplicatorError('UNKNOWN_TOPIC_OR_PARTITION',
        'group longhaul.east->west: Subscribed topic not available: progress'))
      await alone.member.revoke(...all)
      const expected = /: the group assigns no slots, because it does not see the topic progress; /
      assert.match(alone.ownership.health.silence ?? '', expected)
      alone.member.assign()
      assert.match(alone.ownership.health.silence ?? '', expected)
      assert.deepEqual(alone.errors, [])
      alone.member.assign(...all)
      await settle()
      assert.equal(alone.ownership.health.silence, undefined)
      assert.deepEqual([ownedOf(alone), alone.released], [all, []])
    })

  test('releases all slots when it sees that others own them', async () => {
    const alone = await createAlone()
    alone.member.assign(...all)
    await alone.member.revoke(...all)
    alone.group = membersOf('other')
    await alone.clock.advance(1_000)
    assert.equal(alone.ownership.health.state, 'lost')
    assert.deepEqual(ownedOf(alone), [])
  })

  // The progress topic was deleted, or may not be described: no member is assigned any slot.
  test('keeps all slots while the group assigns none to any member', async () => {
    const alone = await createAlone()
    alone.member.assign(...all)
    await alone.member.revoke(...all)
    alone.member.assign()
    await alone.clock.advance(10_000)
    assert.deepEqual(ownedOf(alone), all)
    alone.group = membersOf(memberName, 'other')
    await alone.clock.advance(1_000)
    assert.equal(alone.ownership.health.state, 'member')
    assert.deepEqual(ownedOf(alone), [])
  })

  test('and that is one of several releases its slots, and answers without delay',
    async () => {
      const one = await createOneOfTwo()
      one.endRelease = () => {}
      await one.member.revoke(0, 1)
      assert.equal(one.ownership.health.state, 'lost')
      assert.match(one.ownership.health.silence ?? '', /other processes may own the slots now/)
      assert.deepEqual(one.released, [[0, 1]])
      // The group assigns them again before they are drained: acquired once they are.
      one.member.assign(0, 1)
      assert.deepEqual(ownedOf(one), [0, 1])
      assert.equal(one.ownership.health.state, 'member')
      one.endRelease()
    })

  // Regression: while the coordinator of the group hung, /readyz answered 200 for ten seconds more
  // after the end of the session, although nobody mirrored the partitions of the process.
  test('and that has lost its slots counts the time without an owner from the last answer',
    async () => {
      const one = await createOneOfTwo()
      one.group = undefined
      void one.ownership.health
      await one.member.revoke(0, 1)
      const { owned, sinceMs, unownedByAnybody } = one.ownership.health
      assert.deepEqual([owned, unownedByAnybody], [0, undefined])
      assert.equal(sinceMs, one.clock.now() - 10_000)
      one.group = membersOf('longhaul-2')
      await one.clock.advance(1_000)
      assert.equal(one.ownership.health.unownedByAnybody, false)
    })

  test('joins with a new client when the group is silent for a minute', async () => {
    const one = await createOneOfTwo()
    one.group = undefined
    await one.member.revoke(0, 1)
    await one.clock.advance(59_000)
    assert.equal(one.members.length, 1)
    await one.clock.advance(3_000)
    assert.equal(one.members.length, 2)
    assert.equal(one.member.left, true)
    // Events of the old client are ignored.
    one.member.assign(0)
    assert.deepEqual(ownedOf(one), [])
    one.members[1]?.assign(3)
    assert.deepEqual(ownedOf(one), [3])
  })
})

describe('a process that shares its slots', () => {
  test('hands over what the group revokes before it answers', async () => {
    const one = await createOneOfTwo()
    one.endRelease = () => {}
    let answered = false
    const revoked = one.member.revoke(1).then(() => { answered = true })
    await settle()
    assert.equal(answered, false)
    one.endRelease()
    await revoked
    assert.deepEqual([ownedOf(one), one.released], [[0], [[1]]])
  })

  // Regression: /readyz was 503 as soon as the other process had left cleanly, and showed the time
  // since an earlier hand-over.
  test('counts the time without an owner from the moment when the others left', async () => {
    const one = await createOneOfTwo()
    void one.ownership.health
    await one.clock.advance(60_000)
    assert.equal(one.ownership.health.unownedByAnybody, false)
    const leftMs = one.clock.now()
    one.group = membersOf(memberName)
    await one.clock.advance(6_000)
    const { sinceMs, unownedByAnybody } = one.ownership.health
    assert.equal(unownedByAnybody, true)
    assert.ok(sinceMs >= leftMs, `since ${leftMs - sinceMs} ms before the other left`)
  })

  test('releases everything before it leaves, and leaves once', async () => {
    const one = await createOneOfTwo()
    await Promise.all([one.ownership.stop(), one.ownership.stop()])
    assert.deepEqual([ownedOf(one), one.released], [[], [[0, 1]]])
    assert.equal(one.member.left, true)
    one.member.assign(3)
    assert.deepEqual(ownedOf(one), [])
  })

  // Regression: the target hung before the group had assigned slots: the look waited for 30 s, and
  // the stop for the look. No batch was in flight.
  test('stops at once while a look at the group is not answered', async () => {
    const fixture = createOwnership(undefined)
    await fixture.ownership.start(new AbortController().signal)
    fixture.hangs = true
    await fixture.clock.advance(1_000)
    await fixture.ownership.stop()
    assert.equal(fixture.members[0]?.left, true)
  })

  test('stops before it has started', async () => {
    const { members, ownership } = createOwnership(undefined)
    await ownership.stop()
    assert.equal(members.length, 0)
  })
})

test('a session timeout that the brokers refuse is reported with their bounds and the setting',
  async () => {
    const fixture = createOwnership(undefined)
    await fixture.ownership.start(new AbortController().signal)
    fixture.members[0]?.options.onError(
      new ReplicatorError('INVALID_SESSION_TIMEOUT', 'JoinGroup failed'))
    await settle()
    const [error] = fixture.errors
    assert.match(error?.message ?? '',
      /session\.timeout\.ms=10000 on west, group\.max.*=1800000, group\.min.*=15000/)
    assert.equal(fixture.ownership.health.reason, error)
  })
