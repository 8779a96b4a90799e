// How often the log reports a lasting problem.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { RecurringProblems } from '../../../src/orchestrator/observability/recurring-problems.ts'
import { ManualClock } from '../time/manual-clock.ts'
import { recordingLog } from './recording-log.ts'

const second = 1_000

function createProblems (): {
  readonly problems: RecurringProblems
  readonly lines: string[]
  /** Seconds pass, each with this many reports and a check for due lines. */
  readonly pass: (seconds: number, reports: number, isState?: boolean) => void
} {
  const clock = new ManualClock()
  const lines: string[] = []
  const problems = new RecurringProblems(recordingLog(lines), clock)
  const pass = (seconds: number, reports: number, isState = false): void => {
    for (let each = 0; each < seconds; each++) {
      for (let report = 0; report < reports; report++) {
        problems.report({ key: 'cluster west', level: 'warn', text: 'west is silent', isState })
      }
      problems.tick()
      clock.skip(second)
    }
  }
  return { problems, lines, pass }
}

describe('a problem that is reported repeatedly', () => {
  test('is logged at once, after ten seconds, then once a minute, and when it is over', () => {
    const { lines, pass } = createProblems()
    pass(600, 500)
    assert.equal(lines.filter(line => line.startsWith('warn')).length, 2 + 9)
    pass(60, 0)
    assert.match(lines.at(-1) ?? '', /^info: cluster west: over after 599 s$/)
    assert.equal(lines.length, 2 + 9 + 2, 'what came after the last line is counted, too')
  })

  test('is counted', () => {
    const { lines, pass } = createProblems()
    pass(11, 5)
    assert.match(lines[1] ?? '', /west is silent \[for 10 s, reported 54 times more\]/)
  })

  test('shows its consequences', () => {
    const { lines, pass, problems } = createProblems()
    pass(1, 1)
    problems.note('cluster west', '6000 partitions wait')
    pass(11, 1)
    assert.match(lines[1] ?? '', /6000 partitions wait\]$/)
  })

  test('is not counted if it is a state that is checked', () => {
    const { lines, pass } = createProblems()
    pass(11, 1, true)
    assert.match(lines[1] ?? '', /west is silent \[for 10 s\]/)
  })
})

describe('a problem that is reported once', () => {
  test('is one line', () => {
    const { lines, pass } = createProblems()
    pass(1, 1)
    pass(600, 0)
    assert.deepEqual(lines, ['warn: west is silent'])
  })

  test('and again after it was over is logged at once', () => {
    const { lines, pass } = createProblems()
    pass(1, 1)
    pass(60, 0)
    pass(1, 1)
    assert.deepEqual(lines, ['warn: west is silent', 'warn: west is silent'])
  })

  test('is logged once the line of another problem no longer names it', () => {
    const { lines, problems } = createProblems()
    const waiting = {
      key: 'waiting', level: 'warn', text: 'partitions wait', isState: true
    } as const
    problems.report({ ...waiting, isQuiet: true })
    assert.deepEqual(lines, [])
    problems.report(waiting)
    assert.deepEqual(lines, ['warn: partitions wait'])
  })
})

// Texts of errors are arbitrary: without a bound each would be remembered for ever.
test('of very many problems the oldest are forgotten', () => {
  const { lines, problems } = createProblems()
  for (let each = 0; each <= 500; each++) {
    problems.report({ key: `problem ${each}`, level: 'error', text: `problem ${each}` })
  }
  assert.equal(lines.length, 501)
  assert.equal(problems.isReported('problem 0'), false)
  assert.equal(problems.isReported('problem 500'), true)
})
