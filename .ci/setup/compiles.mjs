// Whether the compiler of this machine finds a header.
import { spawnSync } from 'node:child_process'

export function compiles (language, header) {
  const compiler = language === 'c' ? process.env.CC ?? 'cc' : process.env.CXX ?? 'c++'
  const [command, ...rest] = compiler.split(' ')
  const standard = language === 'c' ? [] : ['-std=c++20']
  const args = [...rest, '-x', language, ...standard, '-fsyntax-only', '-']
  return spawnSync(command, args, { input: `#include <${header}>\n` }).status === 0
}
