// The count of system calls, read from what perf prints.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseSyscallCount } from '../../perf/measure/syscall-count.ts'

test('reads the count that perf prints', () => {
  assert.equal(parseSyscallCount('1234,,raw_syscalls:sys_enter,5678,100.00,,\n'), 1234)
})

test('has no count where perf cannot count or is missing', () => {
  for (const output of [
    '', '<not supported>,,raw_syscalls:sys_enter,0,100.00,,\n',
    'event syntax error: \'raw_syscalls:sys_enter\'\n', 'setpriv: failed to execute perf\n'
  ]) assert.equal(parseSyscallCount(output), undefined, output)
})
