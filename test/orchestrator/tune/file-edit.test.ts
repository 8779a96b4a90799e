// A file after `tune --write`: the chosen settings count, and all other bytes are unchanged.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseConfig } from '../../../src/orchestrator/config/parse-config.ts'
import { editFile } from '../../../src/orchestrator/tune/file-edit.ts'

const before = `# mine\r
clusters = A, B
A.bootstrap.servers = a:1
B.bootstrap.servers: b:1
A->B.enabled=true
A->B.topics = orders, \\
  A->B.batch.size = 3
  A->B.batch.size = 1MiB
#A->B.linger.ms = 7
batch.size = 5
`

describe('a file with chosen settings', () => {
  test('has them for its flow, whatever it had before', () => {
    const text = editFile(before, 'A->B', { 'batch.size': 131_072, 'linger.ms': 5 }, 'measured')
    const parsed = parseConfig(text, { environment: {} })
    assert.ok(parsed.ok)
    const [flow] = parsed.config.flows
    assert.equal(flow?.settings['batch.size'], 131_072)
    assert.equal(flow.settings['linger.ms'], 5)
    assert.deepEqual(parsed.config.warnings.filter(each => each.includes('last one counts')), [])
  })

  test('keeps every other byte', () => {
    const text = editFile(before, 'A->B', { 'batch.size': 131_072 }, 'measured')
    const expected = before.replace('  A->B.batch.size = 1MiB', '#   A->B.batch.size = 1MiB')
    assert.ok(text.startsWith(expected), text)
    assert.equal(text.slice(expected.length),
      '# measured\r\nA->B.batch.size = 131072\r\n')
  })

  test('ends its last line before the first new one', () => {
    assert.equal(editFile('a = b', 'A->B', { 'linger.ms': 5 }, 'm'),
      'a = b\n# m\nA->B.linger.ms = 5\n')
  })
})
