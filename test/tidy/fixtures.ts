// The proof of each rule: the smallest files that break it, and the nearest ones that comply.

export interface Fixture {
  readonly rule: string
  readonly bad: Readonly<Record<string, string>>
  readonly good: Readonly<Record<string, string>>
}

const lines = (count: number): string => '// line\n'.repeat(count)

const layout: readonly Fixture[] = [
  {
    rule: 'no file is named after nothing',
    bad: { 'src/orchestrator/flow/lane-utils.ts': '' },
    good: { 'src/orchestrator/flow/lane-pool.ts': '' }
  },
  {
    rule: 'TypeScript files are kebab-case, C++ files snake_case',
    bad: { 'src/orchestrator/flow/lanePool.ts': '' },
    good: { 'src/orchestrator/flow/lane-pool.test.ts': '', 'src/dataplane/core/in_flight.cc': '' }
  },
  {
    rule: 'TypeScript files are kebab-case, C++ files snake_case',
    bad: { 'src/dataplane/core/in-flight.cc': '' },
    good: { 'src/dataplane/contract/contract.generated.h': '' }
  },
  {
    rule: 'no barrel files but src/dataplane/index.ts',
    bad: { 'src/orchestrator/flow/index.ts': '' },
    good: { 'src/dataplane/index.ts': '' }
  },
  {
    rule: 'files stop at 400 lines (tests 600)',
    bad: { 'src/orchestrator/main.ts': lines(401) },
    good: { 'src/orchestrator/main.ts': lines(400), 'test/main.test.ts': lines(600) }
  },
  {
    rule: 'lines stop at 100 columns',
    bad: { 'src/dataplane/core/lane.cc': `// ${'x'.repeat(98)}\n` },
    good: { 'src/dataplane/core/lane.cc': `// ${'x'.repeat(97)}\n` }
  },
  {
    rule: 'functions stop at 70 lines',
    bad: { 'src/a.ts': `export function long (): void {\n${lines(70)}}\n` },
    good: {
      'src/a.ts': `export function fits (): void {\n${lines(68)}}\n`,
      'test/a.test.ts': `describe('all of a', () => {\n${lines(80)}})\n`
    }
  },
  {
    rule: 'each file opens with a comment that says what it owns',
    bad: { 'src/a.ts': 'export const a = 1\n' },
    good: {
      'src/a.ts': '#!/usr/bin/env node\n// Owns a.\n',
      'core/b.h': '// Owns b.\n',
      'core/b.cc': '#include "core/b.h"\n'
    }
  },
  {
    rule: 'nothing unfinished is committed',
    bad: { 'src/a.ts': '// TODO: the rest\n' },
    good: { 'src/a.ts': '// Says "todos" and means it.\n' }
  },
  {
    rule: 'no path of one machine',
    bad: { 'README.md': 'cd /home/someone/longhaul\n' },
    good: { 'README.md': 'https://example.com/home/page, ./work/x, <root>/root.txt\n' }
  },
  {
    rule: 'text ends with a line end and holds no tabs or blanks at line ends',
    bad: { 'src/a.ts': '// a \n' },
    good: { 'src/a.ts': '// a\n' }
  },
  {
    rule: 'the lockfile holds no download addresses',
    bad: { 'package-lock.json': '  "resolved": "https://example.com/a.tgz",\n' },
    good: { 'package-lock.json': '  "integrity": "sha512-x",\n' }
  },
  {
    rule: 'dependencies are pinned exactly',
    bad: { 'package.json': '{ "devDependencies": { "pino": "^10.4.0" } }' },
    good: {
      'package.json': '{ "engines": { "node": ">=20.19" }, "dependencies": { "pino": "10.4.0" } }'
    }
  },
  {
    rule: 'the folder map of ARCHITECTURE.md has a section for each folder of src/, and no other',
    bad: { 'ARCHITECTURE.md': '### `src/a/`\nFirst.\n', 'src/a/one.ts': '', 'src/b/two.h': '' },
    good: {
      'ARCHITECTURE.md': '### `src/a/`\nFirst.\n### `src/b/`\nOther.\n',
      'src/a/one.ts': '',
      'src/b/two.h': '',
      'test/c/four.test.ts': ''
    }
  },
  {
    rule: 'the folder map of ARCHITECTURE.md has a section for each folder of src/, and no other',
    bad: { 'ARCHITECTURE.md': '### `src/a/`\nFirst.\n' },
    good: { 'ARCHITECTURE.md': '### `src/a/`\nFirst.\n', 'src/a/one.ts': '' }
  },
  {
    rule: 'links between documents lead somewhere',
    bad: { 'perf/README.md': '[results](results/loopback.md)\n' },
    good: {
      'perf/README.md': '[up](../README.md), [here](results/), [out](https://example.com)\n',
      'README.md': '[perf](perf/README.md#figures)\n',
      'perf/results/loopback.md': ''
    }
  }
]

const typescript: readonly Fixture[] = [
  {
    rule: 'no semicolons at line ends',
    bad: { 'src/a.ts': 'const a = 1;\n' },
    good: { 'src/a.ts': 'const a = 1\n;[a].map(String)\nfor (let i = 0; i < 1; i++) a; a\n' }
  },
  {
    rule: 'no semicolons at line ends',
    bad: { 'src/a.ts': 'interface A {\n  b: string;\n}\n' },
    good: { 'src/a.ts': 'interface A {\n  b: string\n}\ntype B = { a: 1, b: 2 }\n' }
  },
  {
    rule: 'strings are in single quotes',
    bad: { 'src/a.ts': 'const a = "text"\n' },
    good: { 'src/a.ts': 'const a = ["it\'s", \'"\', `"`]\n' }
  },
  {
    rule: 'one word a thing',
    bad: { 'src/a.ts': 'const dstTopic = 1\n' },
    good: { 'src/a.ts': 'const targetTopic = error.message // the message of dst\n' }
  },
  {
    rule: 'one word a thing',
    bad: { 'src/a.ts': 'interface A { readonly messages: number }\n' },
    good: { 'src/a.ts': 'class ReplicatorError extends Error {}\nconst rows = 1\n' }
  },
  {
    rule: 'clock, chance and environment come in by argument',
    bad: { 'src/orchestrator/flow/a.ts': 'const startedAt = Date.now()\n' },
    good: {
      'src/orchestrator/flow/a.ts': '// Date.now() is banned\nconst at = clock.now()\n',
      'src/orchestrator/time/clock.ts': 'const at = Date.now()\n',
      'test/a.ts': 'const at = Date.now()\n'
    }
  },
  {
    rule: 'clock, chance and environment come in by argument',
    bad: { 'src/orchestrator/cli/run.ts': 'setInterval(() => process.env.HOME, 10)\n' },
    good: { 'src/orchestrator/main.ts': 'run(process.env)\n' }
  }
]

/** One row for each import rule: a forbidden edge and an allowed one, from -> to. */
const edges: ReadonlyArray<{ bad: [string, string], good: [string, string] }> = [
  { bad: ['src/a.ts', './../test/b.ts'], good: ['test/a.ts', '../src/b.ts'] },
  { bad: ['test/a.ts', '../src/orchestrator/main.ts'], good: ['src/a.ts', './main.ts'] },
  {
    bad: ['src/dataplane/lane.ts', '../orchestrator/flow/a.ts'],
    good: ['src/dataplane/contract/render.ts', '../../orchestrator/errors/error-table.ts']
  },
  {
    bad: ['src/orchestrator/cli/run.ts', '../../dataplane/index.ts'],
    good: ['src/orchestrator/cluster/native-cluster-admin.ts', '../../dataplane/index.ts']
  },
  {
    bad: ['src/orchestrator/errors/error-table.ts', 'node:fs'],
    good: ['src/orchestrator/errors/replicator-error.ts', './error-table.ts']
  },
  {
    bad: ['src/orchestrator/time/clock.ts', '../flow/a.ts'],
    good: ['src/orchestrator/time/retry.ts', './clock.ts']
  },
  {
    bad: ['src/orchestrator/config/parse-config.ts', '../cluster/cluster-admin.ts'],
    good: ['src/orchestrator/config/parse-config.ts', '../policy/topic-filter.ts']
  },
  {
    bad: ['src/orchestrator/observability/metrics.ts', '../flow/a.ts'],
    good: ['src/orchestrator/observability/metrics.ts', '../time/clock.ts']
  },
  {
    bad: ['src/orchestrator/policy/topic-filter.ts', '../config/config.ts'],
    good: ['src/orchestrator/flow/topic-watch.ts', '../time/clock.ts']
  },
  {
    bad: ['src/orchestrator/flow/lane-assignor.ts', 'node:fs'],
    good: ['src/orchestrator/flow/lane-pool.ts', 'node:fs']
  },
  {
    bad: ['src/orchestrator/cluster/cluster-admin.ts', '../flow/a.ts'],
    good: ['src/orchestrator/flow/a.ts', '../cluster/cluster-admin.ts']
  },
  {
    bad: ['src/orchestrator/groups/checkpoint.ts', '../topics/topic-sync.ts'],
    good: ['src/orchestrator/groups/checkpoint.ts', './offset-map.ts']
  },
  {
    bad: ['src/orchestrator/flow/a.ts', '../cli/run.ts'],
    good: ['src/orchestrator/cli/run.ts', '../flow/a.ts']
  },
  {
    bad: ['src/orchestrator/flow/a.ts', 'pino'],
    good: ['src/orchestrator/observability/log.ts', 'pino']
  }
]

const asFile = ([from, to]: [string, string]): Record<string, string> =>
  ({ [from]: `import { a } from '${to}'\n` })

const imports: readonly Fixture[] = [
  ...edges.map(({ bad, good }) => ({
    rule: 'imports point down', bad: asFile(bad), good: asFile(good)
  })),
  {
    rule: 'no dead files',
    bad: { 'src/a.ts': '', 'test/a.test.ts': "import '../src/a.ts'\n" },
    good: {
      'package.json': '"bin": { "longhaul": "dist/src/orchestrator/main.js" }',
      'src/orchestrator/main.ts': "import './flow/a.ts'\n",
      'src/orchestrator/flow/a.ts': "new URL('../../dataplane/lane.js', import.meta.url)\n",
      'src/dataplane/lane.ts': '',
      'test/a.test.ts': "import './b.ts'\n",
      'test/b.ts': ''
    }
  },
  {
    rule: 'no module of a worker awaits at its top level',
    bad: {
      'src/dataplane/lane.ts': "import './index.ts'\n",
      'src/dataplane/index.ts': 'export const addon = await load()\n'
    },
    good: {
      'src/dataplane/lane.ts': 'export async function runLane () { await sleep(1) }\n',
      'src/orchestrator/main.ts': 'await run()\n'
    }
  },
  {
    rule: 'no module of a worker awaits at its top level',
    bad: { 'test/dataplane/forwarder-exit-program.ts': 'for await (const _ of []) {}\n' },
    good: { 'test/dataplane/forwarder-exit-program.ts': 'void main()\n' }
  }
]

const cpp: readonly Fixture[] = [
  {
    rule: 'headers stay in their layer',
    bad: { 'src/dataplane/core/lane.cc': '#include <napi.h>\n' },
    good: { 'src/dataplane/binding/module.cc': '#include <napi.h>\n' }
  },
  {
    rule: 'headers stay in their layer',
    bad: { 'src/dataplane/core/lane.cc': '#include "rdkafka.h"\n' },
    good: { 'src/dataplane/kafka/admin.cc': '#include "rdkafka.h"\n' }
  },
  {
    rule: 'headers stay in their layer',
    bad: { 'src/dataplane/kafka/admin.cc': '#include "rdkafka_int.h"\n' },
    good: { 'src/dataplane/kafka/raw_requests.c': '#include "rdkafka_int.h"\n#include "rd.h"\n' }
  },
  {
    rule: 'headers stay in their layer',
    bad: { 'src/dataplane/core/reencode.cc': '#include <lz4frame.h>\n' },
    good: { 'src/dataplane/kafka/codecs.cc': '#include <lz4frame.h>\n#include "rdxxhash.h"\n' }
  },
  {
    rule: 'headers stay in their layer',
    bad: { 'src/dataplane/core/lane.cc': '#include "kafka/codecs.h"\n' },
    good: { 'src/dataplane/kafka/codecs.cc': '#include "kafka/codecs.h"\n' }
  },
  {
    rule: 'headers stay in their layer',
    bad: { 'native-bench/lane_bench.cc': '#include "binding/convert.h"\n' },
    good: { 'native-bench/lane_bench.cc': '#include "core/lane.h"\n' }
  },
  {
    rule: 'headers stand alone',
    bad: { 'src/dataplane/core/lane.h': '// Owns the lane.\n' },
    good: { 'src/dataplane/core/lane.h': '// Owns the lane.\n#pragma once\n' }
  },
  {
    rule: 'one word a thing in C++',
    bad: { 'src/dataplane/core/lane.cc': 'int dst_offset = 0;\n' },
    good: {
      'src/dataplane/core/lane.cc': 'int target_offset = 0;  // not dst_offset\n',
      'src/dataplane/kafka/admin.cc': 'auto n = message->offset;\n'
    }
  },
  {
    rule: 'each C and C++ source belongs to a target',
    bad: { 'binding.gyp': "'sources': ['src/dataplane/core/a.cc']", 'src/dataplane/core/b.cc': '' },
    good: { 'binding.gyp': "'sources': ['src/dataplane/core/a.cc']", 'src/dataplane/core/a.cc': '' }
  },
  {
    rule: 'each C and C++ source belongs to a target',
    bad: { 'binding.gyp': "'<!@(ls -1 test/dataplane/*_test.cc)'", 'test/dataplane/a.cc': '' },
    good: { 'binding.gyp': "'<!@(ls -1 test/dataplane/*_test.cc)'", 'test/dataplane/a_test.cc': '' }
  }
]

const language: readonly Fixture[] = [
  {
    rule: 'no idioms in comments, texts and documents',
    bad: { 'perf/main.ts': '// The topic is made\n// again.\nconst a = 1\n' },
    good: { 'perf/main.ts': '// It is recreated.\nconst made = again\nmade.take(over)\n' }
  },
  {
    rule: 'no idioms in comments, texts and documents',
    bad: { 'perf/main.ts': "// Says it.\nsay('the broker takes no record')\n" },
    good: { 'perf/main.ts': "// Says it.\nsay('a start takes 20 s', `a stop takes ${stop} s`)\n" }
  },
  {
    rule: 'no idioms in comments, texts and documents',
    bad: { 'docs/chain.md': 'A mirror that was killed goes\non at its position.\n' },
    good: { 'docs/chain.md': 'A mirror that was killed continues. Positions go on record.\n' }
  },
  {
    rule: 'no idioms in comments, texts and documents',
    bad: { 'native-bench/bench.h': '/* What is there. */\n' },
    good: { 'native-bench/bench.h': '/* The records. */\nint what_is_there();\n' }
  },
  {
    rule: 'no idioms in comments, texts and documents',
    bad: { 'README.md': 'The lane lets go of it.\n' },
    good: { 'README.md': 'Run `lets go of`:\n```\nlets go of\n```\n' }
  }
]

export const fixtures: readonly Fixture[] = [
  ...layout, ...language, ...typescript, ...imports, ...cpp
]
