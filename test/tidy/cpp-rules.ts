// Rules for the data plane's C and C++: which layer may include which headers, its words, and that
// every source belongs to a target.
import { perFile, type Rule } from './rule.ts'
import { bannedWordIn, synonyms } from './typescript-rules.ts'

const isCpp = (path: string): boolean => /\.(h|cc|c)$/.test(path) && !/\.generated\./.test(path)
const isDataPlane = (path: string): boolean => path.startsWith('src/dataplane/') && isCpp(path)

interface IncludeRow {
  readonly header: RegExp
  /** Files that may include it. */
  readonly only: RegExp
  readonly instead: string
}

/** Codecs in librdkafka's sources, which do not depend on librdkafka. */
const bundledHeader = /^(rdxxhash|lz4\w*|snappy\w*)\.h$/
/** librdkafka installs rdkafka.h and rdkafka_mock.h; its other rd*.h are private. */
const privateHeader = /^(?!rdkafka(_mock)?\.h$|rdxxhash\.h$)rd\w*\.h$/

const includeRows: readonly IncludeRow[] = [
  {
    header: /^(napi|node_api|js_native_api)\.h$/,
    only: /^src\/dataplane\/binding\//,
    instead: 'only binding/ speaks to JavaScript: hand plain values to it'
  },
  {
    header: privateHeader,
    only: /^src\/dataplane\/kafka\/raw_(requests|brokers|connections)\.c$/,
    instead: 'librdkafka\'s private headers stay in kafka/raw_*.c: add a function there'
  },
  {
    header: bundledHeader,
    only: /^src\/dataplane\/kafka\/codec(s\.cc|_contexts\.h)$/,
    instead: 'codecs are called through kafka/codecs.h'
  },
  {
    header: /^(librdkafka\/)?rdkafka(_mock)?\.h$/,
    only: /^(src|test)\/dataplane\/kafka\//,
    instead: 'only kafka/ speaks to librdkafka: core sees core/transport.h'
  },
  {
    header: /^(\.\.\/)*(dataplane\/)?kafka\//,
    only: /^(src\/dataplane\/(kafka|binding)|test\/dataplane|native-bench)\//,
    instead: 'core knows no librdkafka: declare what it needs in core/transport.h'
  },
  {
    header: /^(\.\.\/)*(dataplane\/)?binding\//,
    only: /^src\/dataplane\/binding\//,
    instead: 'nothing below binding/ knows JavaScript; tests and benches link core and kafka'
  },
  {
    header: /^doctest/,
    only: /^test\//,
    instead: 'tests live under test/dataplane/'
  }
]

function includesOf (text: string): Array<{ header: string, line: number }> {
  return text.split('\n').flatMap((content, index) => {
    const header = /^\s*#\s*include\s*[<"]([^>"]+)[>"]/.exec(content)?.[1]
    return header === undefined ? [] : [{ header, line: index + 1 }]
  })
}

/** Identifiers by line, without comments, strings and includes. */
function identifiersOf (text: string): Array<{ name: string, line: number }> {
  const blank = (match: string): string => match.replace(/[^\n]/g, ' ')
  const code = text
    .replace(/\/\*[\s\S]*?\*\/|\/\/[^\n]*/g, blank)
    .replace(/"(?:\\.|[^"\\\n])*"/g, blank)
    .replace(/^\s*#\s*include[^\n]*/gm, blank)
  return code.split('\n').flatMap((content, index) =>
    [...content.matchAll(/[A-Za-z_]\w*/g)].map((match) => ({ name: match[0], line: index + 1 })))
}

/** Files with names of librdkafka and of the kernel: message, dst, msg_iov. */
const speaksLibrdkafka = /^src\/dataplane\/(kafka|net)\//

export const cppRules: readonly Rule[] = [
  perFile(
    'headers stay in their layer',
    'binding -> core -> kafka -> librdkafka',
    (path) => isCpp(path),
    (path, text) => includesOf(text).flatMap(({ header, line }) => {
      const row = includeRows.find((row) => row.header.test(header) && !row.only.test(path))
      return row === undefined ? [] : [{ line, what: header, instead: row.instead }]
    })
  ),
  perFile(
    'headers stand alone',
    'begin with #pragma once below the opening comment',
    (path) => isDataPlane(path) && path.endsWith('.h'),
    (_path, text) => /^#pragma once$/m.test(text) ? [] : [{ line: 1, what: 'no #pragma once' }]
  ),
  perFile(
    'one word a thing in C++',
    'the word of the vocabulary in CONTRIBUTING.md',
    (path) => isDataPlane(path) && !speaksLibrdkafka.test(path),
    (path, text) => identifiersOf(text).flatMap(({ name, line }) => {
      const word = bannedWordIn(path, name)
      return word === undefined ? [] : [{ line, what: name, instead: synonyms[word] ?? '' }]
    })
  ),
  {
    name: 'each C and C++ source belongs to a target',
    instead: 'name it in binding.gyp, or remove it',
    find: (tree) => {
      const gyp = tree.get('binding.gyp')
      if (gyp === undefined) return []
      // Targets name files, or patterns of the shell such as core/*.cc.
      const named = [...gyp.matchAll(/[\w./*-]+\.(?:cc|c)(?!\w)/g)].map(([pattern]) =>
        new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll('*', '[^/]*')}$`))
      return [...tree.keys()]
        .filter((path) => /^(src\/dataplane|native-bench|test\/dataplane)\/.*\.(cc|c)$/.test(path))
        .filter((path) => !named.some((pattern) => pattern.test(path)))
        .map((path) => ({ path, line: 0, what: 'in no target' }))
    }
  }
]
