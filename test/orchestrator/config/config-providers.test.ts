// Values outside the file: where they are found, and when they are refused.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ParseOptions } from '../../../src/orchestrator/config/parse-config.ts'
import { createConfig, createFlow, problemsOf, twoClusters } from './create-config.ts'

const outside: ParseOptions = {
  environment: { RACK: 'r1' },
  readFile: path => {
    const files: Record<string, string> = {
      '/secrets/a.properties': 'user = me\npass\\ word = a:b\\\n  c',
      '/secrets/dir/token': 't0k3n\n'
    }
    const text = files[path]
    if (text === undefined) throw new Error(`ENOENT: ${path}`)
    return Buffer.from(text)
  }
}

test('values are filled in from the environment, a file and a directory', () => {
  const flow = createFlow([
    'A.client.rack = ${env:RACK}',
    'A.client.id = x-${file:/secrets/a.properties:user}-${file:/secrets/a.properties:pass word}',
    'B.client.id = ${directory:/secrets/dir:token}',
    'B.client.rack = ${env::RACK}'
  ], outside)
  assert.equal(flow.source.client['client.rack'], 'r1')
  assert.equal(flow.source.client['client.id'], 'x-me-a:bc')
  assert.equal(flow.target.client['client.id'], 't0k3n')
  assert.equal(flow.target.client['client.rack'], 'r1')
})

test('providers have the names of the file', () => {
  const flow = createFlow([
    'config.providers = vault, vars',
    'config.providers.vault.class = org.apache.kafka.common.config.provider.FileConfigProvider',
    'config.providers.vars.class = org.apache.kafka.common.config.provider.EnvVarConfigProvider',
    'A.client.id = ${vault:/secrets/a.properties:user}', 'A.client.rack = ${vars:RACK}'
  ], outside)
  assert.equal(flow.source.client['client.id'], 'me')
  assert.equal(flow.source.client['client.rack'], 'r1')
})

test('a provider that is a Java class causes a warning, and is refused if it is used', () => {
  const lines = ['config.providers = k8s', 'config.providers.k8s.class = io.strimzi.kafka.' +
    'KubernetesSecretConfigProvider']
  assert.match(createConfig(lines).warnings.join('\n'),
    /k8s \(KubernetesSecretConfigProvider\) is a Java class/)
  assert.match(problemsOf([...twoClusters, ...lines, 'A.client.id = ${k8s:ns/name:key}']).join(),
    /^A\.client\.id \(line 7\): \$\{k8s:ns\/name:key\} cannot be filled in: there is no config/)
})

test('a reference without a value is refused', () => {
  const refused = {
    '${env:NOTHING}': /there is no NOTHING there/,
    '${file:/nowhere:x}': /ENOENT: \/nowhere/,
    '${file:/secrets/a.properties:toString}': /there is no toString there/,
    '${directory:/secrets/dir:../a.properties}': /there is no/
  }
  for (const [reference, reason] of Object.entries(refused)) {
    assert.match(problemsOf([...twoClusters, `A.client.id = ${reference}`], outside).join(), reason)
  }
})

test('a value that cannot be filled in is one problem, whichever code reads the property', () => {
  const problems = problemsOf([...twoClusters, 'topics = ${env:NOPE}', 'tasks.max = ${env:NO}'],
    { environment: {} })
  assert.equal(problems.length, 2)
  assert.match(problems[0] ?? '', /^topics \(line \d+\): .*there is no NOPE there/)
  assert.match(problems[1] ?? '', /^tasks\.max \(line \d+\): .*there is no NO there/)
})

test('each of two references in one value without a value is a problem', () => {
  const [first, second, ...more] = problemsOf(
    [...twoClusters, 'A.client.id = ${env:NOPE}-${env:NO}'], { environment: {} })
  assert.match(first ?? '', /there is no NOPE there/)
  assert.match(second ?? '', /there is no NO there/)
  assert.deepEqual(more, [])
})

test('a filled-in value is not read for references again', () => {
  const flow = createFlow(['A.client.id = ${env:NESTED}'],
    { environment: { NESTED: '${env:RACK}', RACK: 'r1' } })
  assert.equal(flow.source.client['client.id'], '${env:RACK}')
})
