// Creates configurations for tests: a file of two clusters, and its Config or problems.
import assert from 'node:assert/strict'
import type { Config, FlowConfig } from '../../../src/orchestrator/config/config.ts'
import {
  parseConfig, type ParseOptions
} from '../../../src/orchestrator/config/parse-config.ts'

export const twoClusters = [
  'clusters = A, B',
  'A.bootstrap.servers = a1:9092, a2:9092',
  'B.bootstrap.servers = b1:9092',
  'A->B.enabled = true'
]

const sealed: ParseOptions = {
  environment: {},
  readFile: path => { throw new Error(`no such file: ${path}`) }
}

/** The Config of the two clusters with more lines; it must be free of problems. */
export function createConfig (lines: readonly string[] = [], options: ParseOptions = {}): Config {
  return parseConfigOf([...twoClusters, ...lines], options)
}

/** The Config of a whole file, which must be free of problems. */
export function parseConfigOf (lines: readonly string[], options: ParseOptions = {}): Config {
  const parsed = parseConfig(lines.join('\n'), { ...sealed, ...options })
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.problems.map(each => each.message).join('\n'))
  return parsed.config
}

export function createFlow (lines: readonly string[] = [], options: ParseOptions = {}): FlowConfig {
  const flow = createConfig(lines, options).flows.find(({ name }) => name === 'A->B')
  assert.ok(flow)
  return flow
}

/** The details of all problems of a text. */
export function problemsOf (
  lines: readonly string[], options: ParseOptions = {}
): readonly string[] {
  const parsed = parseConfig(lines.join('\n'), { ...sealed, ...options })
  return parsed.ok ? [] : parsed.problems.map(problem => problem.detail)
}
