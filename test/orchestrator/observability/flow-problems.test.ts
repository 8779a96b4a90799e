// What the log reports of a flow's problems: problems with one cause are one problem.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'
import { FlowProblems } from '../../../src/orchestrator/observability/flow-problems.ts'
import { SharedProblems } from '../../../src/orchestrator/observability/shared-problems.ts'
import { ManualClock } from '../time/manual-clock.ts'
import { recordingLog } from './recording-log.ts'

const refused = new ReplicatorError('TARGET_NOT_EMPTY', 'it holds offsets 0 to 9')
const unwritable = new ReplicatorError('PROGRESS_UNWRITABLE', 'longhaul-progress.east.internal')
const away = new ReplicatorError('_TRANSPORT', 'cluster west: describeCluster', { cluster: 'west' })
const leaderless = new ReplicatorError('LEADER_NOT_AVAILABLE', 'orders-0')
const second = 1_000

function createProblems (): {
  readonly problems: FlowProblems
  readonly clock: ManualClock
  readonly lines: string[]
} {
  const clock = new ManualClock()
  const lines: string[] = []
  const log = recordingLog(lines)
  const problems = new FlowProblems({ log, clock, source: 'east', target: 'west' })
  return { problems, clock, lines }
}

describe('a problem of a topic', () => {
  test('that lasts is reported and counted once', () => {
    const { problems, lines } = createProblems()
    for (let round = 0; round < 3; round++) {
      problems.say('orders', refused)
      problems.endRound()
    }
    assert.equal(lines.length, 1)
    assert.match(lines[0] ?? '', /^error: orders: .*it holds offsets 0 to 9/)
    assert.deepEqual([...problems.counts], [[refused.code, 1n]])
  })

  test('that changes is reported again', () => {
    const { problems, lines } = createProblems()
    problems.say('orders', refused)
    problems.say('orders', new ReplicatorError('TARGET_NOT_EMPTY', 'it holds offsets 0 to 12'))
    assert.equal(lines.length, 2)
  })

  // Regression: a problem was logged once and never again, however often it returned, and never
  // forgotten.
  test('that was absent for a round and returns is reported again', () => {
    const { problems, lines } = createProblems()
    problems.say('orders', refused)
    problems.endRound()
    problems.endRound()
    problems.say('orders', refused)
    assert.equal(lines.length, 2)
    assert.deepEqual([...problems.counts], [[refused.code, 2n]])
  })
})

describe('a problem of the flow', () => {
  test('after its end is counted and not logged', () => {
    const { problems, lines } = createProblems()
    problems.end()
    problems.warn(unwritable)
    problems.laneLine(0, 'target: 127.0.0.1:9092/1: Connect failed (FAIL)')
    problems.laneLine(0, 'lane 0 ends')
    assert.deepEqual(lines.filter(line => !line.startsWith('debug: ')), [])
    assert.deepEqual([...problems.retriedCounts], [[unwritable.code, 1n]])
  })

  // Regression: an outage of 30 s counted as a hundred errors, although nothing was wrong after it.
  test('that a retry mends is counted as retried', () => {
    const { problems } = createProblems()
    for (let time = 0; time < 3; time++) problems.warn(away, 'target')
    problems.warn(new ReplicatorError('PROGRESS_DELETED', 'longhaul-progress.east.internal'))
    assert.deepEqual([...problems.retriedCounts], [[away.code, 3n]])
    assert.equal(problems.counts.get(away.code), undefined)
    assert.equal(problems.counts.size, 1, 'what a deleted topic held may be lost')
  })

  test('is counted each time, and logged once while it lasts', () => {
    const { problems, lines } = createProblems()
    for (let time = 0; time < 3; time++) problems.warn(refused)
    assert.equal(lines.length, 1)
    assert.deepEqual([...problems.counts], [[refused.code, 3n]])
  })
})

// Regression: one target broker that was down, with 100 topics, caused 978 lines in a minute: one
// for each partition, client and broker.
describe('a cluster that does not answer for ten minutes', () => {
  test('is five lines in the first minute at most, and one a minute after it', () => {
    const { clock, lines, problems } = createProblems()
    const answeredMs = clock.now()
    const waiting = [{ error: leaderless, partitions: 6_000 }]
    const minutes: number[] = []
    for (let minute = 0; minute < 10; minute++) {
      const before = lines.length
      for (let each = 0; each < 60; each++) {
        for (const lane of [0, 1]) {
          problems.laneLine(lane, 'target: 127.0.0.1:9092/1: Connect failed (FAIL)')
          problems.laneLine(lane, 'target: 2/2 brokers are down (ERROR)')
        }
        problems.warn(unwritable)
        problems.warn(away)
        problems.warn(new ReplicatorError('_TRANSPORT', 'group: all brokers are down'), 'target')
        problems.tick(waiting, { target: { answeredMs, error: away } })
        clock.skip(second)
      }
      minutes.push(lines.length - before)
    }
    assert.ok((minutes[0] ?? 0) <= 5, `${minutes.join()}: ${lines.join('\n')}`)
    assert.ok(minutes.slice(1).every(count => count <= 1), minutes.join())
    assert.match(lines.at(-1) ?? '', /6000 partitions wait in east->west: .*LEADER_NOT_AVAILABLE/)
    for (let each = 0; each < 60; each++) {
      problems.tick([], { target: { answeredMs: clock.now(), error: undefined } })
      clock.skip(second)
    }
    // Another line reports that the flow is ready again.
    assert.deepEqual(lines.filter(line => line.startsWith('info')), [])
  })

  test('and one broker that does not answer is reported over', () => {
    const { clock, lines, problems } = createProblems()
    for (let each = 0; each < 120; each++) {
      if (each < 60) problems.laneLine(0, 'target: 127.0.0.1:9092/3: Connect failed (FAIL)')
      problems.tick([], { target: { answeredMs: clock.now(), error: undefined } })
      clock.skip(second)
    }
    assert.match(lines.at(-1) ?? '', /^info: cluster west: over after 59 s/)
  })

  test('does not hide a problem of the other cluster', () => {
    const { lines, problems } = createProblems()
    problems.laneLine(0, 'target: Connect failed (FAIL)')
    problems.laneLine(0, 'source: Connect failed (FAIL)')
    assert.deepEqual(lines,
      ['warn: west: ', 'warn: east: '].map(side => side + 'the connection to the broker failed. ' +
        'If it persists, check host, port and firewall. (_TRANSPORT)'))
  })

  // The texts of clients have no code, and a table knows them by their words. A lane's own line
  // about a refused connection was shown as a client's failure to connect.
  test('does not change what a lane itself says', () => {
    const { lines, problems } = createProblems()
    problems.laneLine(0, 'source broker 1 accepts no further connection: the lane keeps 3')
    assert.deepEqual(lines,
      ['warn: source broker 1 accepts no further connection: the lane keeps 3'])
  })

  test('does not hide an error that remains when the cluster answers', () => {
    const { lines, problems } = createProblems()
    problems.warn(away)
    problems.warn(new ReplicatorError('GROUP_AUTHORIZATION_FAILED', 'group', { cluster: 'west' }))
    assert.equal(lines.length, 2)
  })
})

// Each flow had four lines in the first minute: with ten flows to one cluster, forty.
describe('a cluster that several flows use', () => {
  const createFlows = (count: number) => {
    const clock = new ManualClock()
    const lines: string[] = []
    const log = recordingLog(lines)
    const shared = new SharedProblems(log, clock)
    const flows = Array.from({ length: count }, (_, i) =>
      new FlowProblems({ log, clock, shared, source: `east${i}`, target: 'west' }))
    /** As the mirror does each second, after all flows. */
    const pass = (): void => {
      shared.tick()
      clock.skip(second)
    }
    return { clock, flows, lines, pass }
  }
  const report = (flow: FlowProblems, answeredMs: number, partitions = 7): void => {
    flow.laneLine(0, 'target: 127.0.0.1:9092/1: Connect failed (FAIL)')
    flow.warn(away)
    flow.tick(partitions === 0 ? [] : [{ error: leaderless, partitions, side: 'target' }],
      { target: { answeredMs, error: away } })
  }

  test('is one problem, and its lines name the consequences for each flow', () => {
    const { clock, flows, lines, pass } = createFlows(10)
    const answeredMs = clock.now()
    for (let each = 0; each < 60; each++) {
      for (const flow of flows) report(flow, answeredMs)
      pass()
    }
    assert.ok(lines.length <= 3, lines.join('\n'))
    for (let each = 0; each < 60; each++) {
      for (const flow of flows) report(flow, answeredMs)
      pass()
    }
    for (const i of flows.keys()) {
      assert.ok(lines.at(-1)?.includes(`7 partitions wait in east${i}->west`), lines.at(-1))
    }
  })

  // With three flows, the first minute had eight lines: "the group does not answer" was a line of
  // its own for each flow.
  test('is one problem with the groups of three flows, which do not answer either', () => {
    const { clock, flows, lines, pass } = createFlows(3)
    const answeredMs = clock.now()
    const minute = (): readonly string[] => {
      const before = lines.length
      for (let each = 0; each < 60; each++) {
        for (const [i, flow] of flows.entries()) {
          flow.laneLine(0, 'target: 127.0.0.1:9092/1: Connect failed (FAIL)')
          // The sessions end one after the other.
          flow.tick([{ error: leaderless, partitions: 7, side: 'target' }],
            { target: { answeredMs, error: away } },
            clock.now() - answeredMs < (10 + i) * second
              ? undefined
              : `group ${i} does not answer`)
        }
        pass()
      }
      return lines.slice(before)
    }
    const first = minute()
    assert.ok(first.length <= 3, first.join('\n'))
    assert.equal(minute().length, 1)
    for (const i of flows.keys()) {
      assert.ok(lines.at(-1)?.includes(`; group ${i} does not answer`), lines.at(-1))
    }
  })

  test('does not delay the line about a group while it answers', () => {
    const { flows: [flow], lines, pass } = createFlows(1)
    for (let each = 0; each < 120; each++) {
      flow?.tick([], {}, 'group east0->west: the group does not answer')
      pass()
    }
    assert.deepEqual(lines, ['warn: group east0->west: the group does not answer'])
    flow?.tick([])
    flow?.tick([], {}, 'group east0->west: the group does not answer')
    assert.equal(lines.length, 2, 'the next silence is another one')
  })

  // The flows check the cluster at different times: the one that has not seen the answer yet began
  // another problem, which then lasted for a minute.
  test('answers all flows as soon as it answers one of them', () => {
    const { clock, flows, lines, pass } = createFlows(2)
    const [first, other] = flows
    assert.ok(first && other)
    const answeredMs = clock.now()
    for (let each = 0; each < 20; each++) {
      for (const flow of flows) report(flow, answeredMs)
      pass()
    }
    const before = lines.length
    for (let each = 0; each < 5; each++) {
      first.tick([], { target: { answeredMs: clock.now(), error: undefined } })
      report(other, answeredMs, 0)
      pass()
    }
    for (let each = 0; each < 60; each++) {
      for (const flow of flows) {
        flow.tick([], { target: { answeredMs: clock.now(), error: undefined } })
      }
      pass()
    }
    assert.deepEqual(lines.slice(before), [])
    report(first, clock.now(), 0)
    assert.equal(lines.length, before + 1, 'the next outage is reported at once')
  })
})

describe('a refused login', () => {
  const line = 'target: sasl_ssl://10.0.0.1:9093/1: SASL authentication error: Authentication ' +
    'failed: Invalid username or password (after 4ms in state AUTH_REQ) (FAIL)'
  const waits = new ReplicatorError('_TRANSPORT', 'target broker 1 is not connected')
  const createLogin = () => {
    const clock = new ManualClock()
    const lines: string[] = []
    const problems = new FlowProblems({
      log: recordingLog(lines), clock, source: 'east', target: 'west',
      logins: { source: undefined, target: 'user mirror by PLAIN' }
    })
    return { clock, lines, problems }
  }

  // The lanes, the admin client, the group and the progress topic had a line each.
  test('of all clients of a cluster is one problem', () => {
    const { lines, problems } = createLogin()
    problems.laneLine(0, line)
    for (const name of ['group client', 'client that reads progress']) {
      problems.warn(new ReplicatorError('CLUSTER_LOGIN_REFUSED',
        `cluster west: (${name})`, { cluster: 'west' }))
    }
    assert.equal(lines.length, 1)
    assert.match(lines[0] ?? '', /^warn: west: .*10\.0\.0\.1:9093.*lanes, user mirror by PLAIN/)
  })

  // Regression: /readyz named the refusal for a minute beside the outage that had followed it.
  test('is no reason any more once the cluster does not answer', () => {
    const { clock, problems } = createLogin()
    const waiting = [{ error: waits, partitions: 3, side: 'target' as const }]
    const answers = { answeredMs: clock.now(), error: undefined }
    const away = { ...answers, error: new ReplicatorError('CLUSTER_UNREACHABLE', 'cluster west') }
    problems.laneLine(0, line)
    problems.tick(waiting, { source: answers, target: answers })
    assert.equal(problems.loginRefusals.length, 1)
    problems.tick(waiting, { source: answers, target: away })
    assert.deepEqual(problems.loginRefusals, [])
    problems.tick(waiting, { source: answers, target: answers })
    assert.deepEqual(problems.loginRefusals, [], 'the cluster has accepted a login since')
  })

  test('is a reason not to be ready while partitions of that cluster wait', () => {
    const { clock, problems } = createLogin()
    problems.laneLine(0, line)
    problems.tick([{ error: waits, partitions: 3, side: 'source' }])
    assert.deepEqual(problems.loginRefusals, [])
    problems.tick([{ error: waits, partitions: 3, side: 'target' }])
    assert.match(problems.loginRefusals.join(), /^west: .*user mirror by PLAIN/)
    problems.tick([])
    assert.deepEqual(problems.loginRefusals, [])
    clock.skip(60 * second)
    problems.tick([{ error: waits, partitions: 3, side: 'target' }])
    assert.deepEqual(problems.loginRefusals, [], 'they wait for something else by now')
  })
})

// Regression: two outages within 40 s were one problem: a line of 102 s was logged after the flow
// was ready again.
describe('the end of an outage', () => {
  const createOutage = () => {
    const fixture = createProblems()
    const { clock, lines, problems } = fixture
    let answeredMs = clock.now()
    const pass = (seconds: number, isAway: boolean, reports: boolean): void => {
      for (let each = 0; each < seconds; each++) {
        if (!isAway) answeredMs = clock.now()
        if (reports) problems.warn(new ReplicatorError('_ALL_BROKERS_DOWN', 'group'), 'target')
        problems.tick([], { target: { answeredMs, error: isAway ? away : undefined } })
        clock.skip(second)
      }
    }
    const linesOf = (work: () => void): readonly string[] => {
      const before = lines.length
      work()
      return lines.slice(before)
    }
    return { ...fixture, pass, linesOf }
  }

  test('ends its lines, whatever clients still report', () => {
    const { linesOf, pass } = createOutage()
    assert.equal(linesOf(() => { pass(30, true, true) }).length, 2)
    assert.deepEqual(linesOf(() => {
      pass(9, false, true)
      pass(120, false, false)
    }), [])
  })

  test('makes the next outage another problem', () => {
    const { linesOf, pass } = createOutage()
    pass(30, true, true)
    pass(15, false, false)
    const [first = '', again = ''] = linesOf(() => { pass(15, true, true) })
    assert.doesNotMatch(first, /\[for/)
    assert.match(again, /\[for 10 s/)
  })

  test('does not hide a problem that lasts longer than its late reports', () => {
    const { linesOf, pass } = createOutage()
    pass(30, true, true)
    assert.equal(linesOf(() => { pass(12, false, true) }).length, 1)
  })
})

// After SIGSTOP and SIGCONT every request was older than its time limit: one line told of a cluster
// that does not answer, and the cluster was well.
describe('a process that did not run for a while', () => {
  const createAwakened = (): ReturnType<typeof createProblems> & {
    readonly pass: (seconds: number, isAway: boolean) => void
  } => {
    const fixture = createProblems()
    const { clock, problems } = fixture
    let answeredMs = clock.now()
    const pass = (seconds: number, isAway: boolean): void => {
      for (let each = 0; each < seconds; each++) {
        if (isAway) problems.laneLine(0, 'target: 1/1 brokers are down (ERROR)')
        if (isAway) problems.warn(new ReplicatorError('_ALL_BROKERS_DOWN', 'group'), 'target')
        else answeredMs = clock.now()
        problems.tick([], { target: { answeredMs, error: isAway ? away : undefined } })
        clock.skip(second)
      }
    }
    pass(30, false)
    clock.skip(20 * second)
    return { ...fixture, pass }
  }

  test('does not take its own silence for that of the cluster', () => {
    const { lines, pass } = createAwakened()
    pass(3, true)
    pass(120, false)
    assert.deepEqual(lines, [])
  })

  test('says what lasts', () => {
    const { lines, pass } = createAwakened()
    pass(9, true)
    assert.deepEqual(lines, [])
    pass(2, true)
    assert.equal(lines.length, 1)
  })

  test('says at once what begins later', () => {
    const { lines, pass } = createAwakened()
    pass(15, false)
    pass(1, true)
    assert.equal(lines.length, 1)
  })
})

describe('partitions that wait', () => {
  // Regression: partitions that waited for the target were logged under the source, whose
  // connections had been closed earlier, and which was then "over after 0 s".
  test('are logged under the cluster that they wait for', () => {
    const { clock, lines, problems } = createProblems()
    problems.laneLine(0, 'source: 1/1 brokers are down (ERROR)')
    clock.skip(second)
    problems.laneLine(0, 'target: 1/1 brokers are down (ERROR)')
    const error = new ReplicatorError('_TRANSPORT', 'target east.orders-0 refused the batch')
    for (let each = 0; each < 45; each++) {
      problems.laneLine(0, 'target: 1/1 brokers are down (ERROR)')
      problems.tick([{ error, partitions: 2, side: 'target' }])
      clock.skip(second)
    }
    const waits = lines.filter(line => line.includes('2 partitions wait'))
    assert.equal(waits.length, 1, lines.join('\n'))
    assert.match(waits[0] ?? '', /^warn: west: no broker/)
    assert.deepEqual(lines.filter(line => line.includes('over after')), [])
  })

  test('for a cluster without another problem are a separate line', () => {
    const { lines, problems } = createProblems()
    problems.laneLine(0, 'source: 1/1 brokers are down (ERROR)')
    problems.tick([{ error: leaderless, partitions: 2, side: 'target' }])
    assert.match(lines.at(-1) ?? '', /^warn: 2 partitions wait in east->west/)
  })

  // The connection to a hanging broker is closed before its partitions have waited for ten seconds.
  // Regression: the partitions were a part of the next line about that connection, up to a minute
  // later.
  test('are logged at once beside an older problem of their cluster', () => {
    const { clock, lines, problems } = createProblems()
    for (let each = 0; each < 60; each++) {
      if (each % 10 === 0) problems.laneLine(0, 'target: 127.0.0.1:9092/3: Connect failed (FAIL)')
      problems.tick(each < 15 ? [] : [{ error: leaderless, partitions: 8 }])
      const waits = lines.filter(line => line.includes('8 partitions wait')).length
      assert.equal(waits, each < 15 ? 0 : 1, `after ${each} s: ${lines.join('\n')}`)
      clock.skip(second)
    }
  })

  // Regression: at the return of a cluster each flow logged a line about partitions whose brokers
  // did not know the newest leader for a moment. They had waited since the outage began, so the
  // time that brokers have to learn of leaders was over.
  test('are not logged just after their cluster has returned', () => {
    const { clock, lines, problems } = createProblems()
    const answered = { answeredMs: clock.now(), error: undefined }
    const error = new ReplicatorError('_TRANSPORT', 'cluster west')
    for (let each = 0; each < 20; each++) {
      problems.tick([], { target: { ...answered, error } })
      clock.skip(second)
    }
    const before = lines.length
    assert.ok(before > 0)
    const logged = (): string[] =>
      lines.slice(before).filter(line => line.includes('partition waits'))
    for (let each = 0; each < 15; each++) {
      problems.tick([{ error: leaderless, partitions: 1 }], { target: answered })
      assert.equal(logged().length, each < 10 ? 0 : 1, `after ${each} s: ${lines.join('\n')}`)
      clock.skip(second)
    }
  })

  test('are one line for each reason, and one a minute', () => {
    const { clock, lines, problems } = createProblems()
    for (let each = 0; each < 120; each++) {
      problems.tick([{ error: leaderless, partitions: 312 }])
      clock.skip(second)
    }
    assert.equal(lines.length, 3)
    assert.match(lines[0] ?? '', /^warn: 312 partitions wait in east->west: .*for example orders-0/)
  })
})

describe('partitions that fault at once', () => {
  test('are named up to a limit, and counted beyond it', () => {
    const { clock, lines, problems } = createProblems()
    for (let partition = 0; partition < 6_000; partition++) {
      problems.logPartition(`orders-${partition}`, refused, { state: 'faulted' }, true)
    }
    assert.equal(lines.length, 21)
    clock.skip(10 * second)
    problems.tick([])
    assert.match(lines.at(-1) ?? '', /reported 5979 times more/)
    assert.deepEqual([...problems.counts], [[refused.code, 6_000n]])
  })
})

// Regression: the line about the stop ended with the advice to do nothing, as Longhaul retries.
test('an end of the flow with records left has no advice for a flow that runs', () => {
  const { problems, lines } = createProblems()
  problems.logUnacknowledged({
    partitions: ['orders-0'], records: 7, silent: [],
    error: new ReplicatorError('NETWORK_EXCEPTION', 'target broker 1 is not connected')
  })
  assert.deepEqual(lines, ['warn: west has not acknowledged all records of 1 partition, for ' +
    'example orders-0 (the connection ended before the broker answered: target broker 1 is not ' +
    'connected, NETWORK_EXCEPTION): up to 7 records are left for the next start'])
})

// Regression: the exit code was 1, and no line explained it.
test('an end of the flow that the target delays is reported', () => {
  const { problems, lines } = createProblems()
  problems.close()
  problems.logNotDrained()
  assert.equal(lines.length, 1)
  assert.match(lines[0] ?? '', /^warn: the flow stops, and west has not answered its last requests/)
})
