// Where lines of a log file go when its path is rotated, and when lines cannot be written.
import assert from 'node:assert/strict'
import {
  mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, truncateSync, writeSync
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { LogFile } from '../../../src/orchestrator/service/log-file.ts'

function createLogFile (t: TestContext, name = 'log') {
  const folder = mkdtempSync(join(tmpdir(), 'longhaul-log-'))
  const path = join(folder, name)
  const time = { now: 0 }
  const open = (): LogFile => {
    const file = new LogFile(path, { now: () => time.now })
    t.after(() => { file.close() })
    return file
  }
  t.after(() => { rmSync(folder, { recursive: true }) })
  const text = (file = path): string => readFileSync(file, 'utf8')
  return { folder, open, path, text, time }
}

describe('a log file', () => {
  test('that is renamed is opened again, without a signal', t => {
    const { open, path, text, time } = createLogFile(t)
    const file = open()
    file.write('one\n')
    renameSync(path, `${path}.1`)
    // Within a second, lines go to the renamed file: they are not lost.
    file.write('two\n')
    time.now += 1_000
    file.write('three\n')
    assert.equal(text(`${path}.1`), 'one\ntwo\n')
    assert.equal(text(), 'three\n')
  })

  test('that is renamed and recreated by another program is opened again', t => {
    const { open, path, text, time } = createLogFile(t)
    const file = open()
    renameSync(path, `${path}.1`)
    new LogFile(path, { now: () => 0 }).close()
    time.now -= 1_000
    file.write('one\n')
    assert.equal(text(), 'one\n', 'also by a clock that was set back')
  })

  test('that is truncated gets its next line at its start, and keeps earlier lines else', t => {
    const { open, path, text } = createLogFile(t)
    open().write('before a restart\n')
    const file = open()
    file.write('one\n')
    assert.equal(text(), 'before a restart\none\n')
    truncateSync(path)
    file.write('two\n')
    assert.equal(text(), 'two\n')
  })

  test('whose folder is replaced keeps lines in the old one until its path can be opened', t => {
    const { folder, open, text, time } = createLogFile(t, 'logs/log')
    mkdirSync(join(folder, 'logs'))
    const file = open()
    renameSync(join(folder, 'logs'), join(folder, 'old'))
    time.now += 1_000
    file.write('one\n')
    assert.equal(text(join(folder, 'old/log')), 'one\n')
    mkdirSync(join(folder, 'logs'))
    time.now += 1_000
    file.write('two\n')
    assert.equal(text(), 'two\n')
  })

  test('on a full disk tells how many lines were lost, once it has room', t => {
    const { folder, open, path, text, time } = createLogFile(t)
    symlinkSync('/dev/full', path)
    const file = open()
    file.write('one\n')
    file.write('two\n')
    renameSync(path, join(folder, 'full'))
    time.now += 1_000
    file.write('three\n')
    file.write('four\n')
    assert.match(text(),
      /^2 log lines were not written before this line: Error: ENOSPC.*\nthree\nfour\n$/)
  })

  // A write that the disk has room for in part returns the number of its bytes and throws nothing:
  // the next line was appended to the cut one, and both were lost to a reader of JSON lines.
  test('on a disk with room for a part of a line starts the next line anew, and counts it', t => {
    const { folder, path, text, time } = createLogFile(t)
    let room = 6
    const file = new LogFile(path, { now: () => time.now }, (fd, bytes) => {
      const part = Math.min(room, bytes.length)
      room -= part
      if (part === 0) throw new Error('ENOSPC')
      return writeSync(fd, bytes, 0, part)
    })
    t.after(() => { file.close() })
    file.write('one\n')
    file.write('two\n')
    file.write('three\n')
    assert.equal(text(), 'one\ntw')
    room = 10
    file.write('four\n')
    assert.match(text(), /^one\ntw\n2 log lin$/)
    room = Infinity
    file.write('five\n')
    assert.match(text(),
      /^one\ntw\n2 log lin\n3 log lines were not written before this line: .*10 of.*\nfive\n$/)

    room = 1
    file.write('six\n')
    renameSync(path, join(folder, 'log.1'))
    time.now += 1_000
    room = Infinity
    file.write('seven\n')
    assert.match(text(), /^1 log lines .*\nseven\n$/, 'a new file has no cut line')
  })
})
