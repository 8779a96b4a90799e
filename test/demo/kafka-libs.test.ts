// The texts that a user reads if real brokers cannot be started.
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { findKafkaLibs, KafkaMissing } from '../../src/demo/kafka-libs.ts'

function createFolder (t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'longhaul-kafka-libs-'))
  t.after(() => { rmSync(folder, { recursive: true }) })
  return folder
}

/** A program that answers `-version` like Java of that version. */
function createJava (t: TestContext, version: string): string {
  const home = createFolder(t)
  mkdirSync(join(home, 'bin'))
  writeFileSync(join(home, 'bin/java'), `#!/bin/sh\necho 'openjdk version "${version}"' >&2\n`,
    { mode: 0o755 })
  return home
}

test('without jars the text has the command that fetches them to the cache', t => {
  const cache = createFolder(t)
  assert.throws(() => findKafkaLibs({ folder: undefined, environment: { LONGHAUL_CACHE: cache } }),
    (error: unknown) => error instanceof KafkaMissing &&
      error.message.includes('mvn -q -B -f ') && error.message.includes('test/kafka/pom.xml') &&
      error.message.includes(`-DoutputDirectory=${join(cache, 'kafka-libs-')}`))
})

test('jars in the cache are found, incomplete downloads are not', t => {
  const cache = createFolder(t)
  const environment = { LONGHAUL_CACHE: cache, JAVA_HOME: createJava(t, '17.0.15') }
  for (const name of ['kafka-libs-0a.partial-7', 'kafka-libs-0a']) {
    mkdirSync(join(cache, name))
    writeFileSync(join(cache, name, 'kafka_2.13-4.1.0.jar'), '')
  }
  const { classPath } = findKafkaLibs({ folder: undefined, environment })
  assert.equal(classPath, join(cache, 'kafka-libs-0a', '*'))
})

test('an old Java is refused with the package to install', t => {
  const libs = createFolder(t)
  writeFileSync(join(libs, 'kafka_2.13-4.1.0.jar'), '')
  const environment = { JAVA_HOME: createJava(t, '11.0.2') }
  assert.throws(() => findKafkaLibs({ folder: libs, environment }),
    /Java 17 or later.*version 11.*apt-get install openjdk-17-jre-headless/)
})
