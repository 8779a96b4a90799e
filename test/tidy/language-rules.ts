// Idioms that are hard for readers whose first language is not English, each with its replacement.
import { proseOf } from './prose.ts'
import { perFile, type Rule } from './rule.ts'

interface Idiom {
  readonly pattern: RegExp
  readonly instead: string
}

/** A blank matches any white space, also the start of the next line of a comment. */
function idiom (words: string, instead: string): Idiom {
  return { pattern: new RegExp(`\\b(?:${words.replaceAll(' ', '\\s+')})`, 'gi'), instead }
}

/**
 * Words after which `takes` is allowed: it then concerns time, or is the verb of another phrase.
 */
const notAccepts = '\\d|\\$|(?:over|part|place|turns|effect|long|longer|as long|so long|less|' +
  'more|about|up to|some|at (?:least|most)|a (?:second|moment|minute|while|round)|seconds|' +
  'minutes|hours|days|milliseconds|time|the time|half|several|two|three|five|ten)\\b'

const is = '(?:is|are|was|were|be|been|being)'
const away = '(?:back|up|out|away)'

const idioms: readonly Idiom[] = [
  idiom('(?:made|makes?|making|created?|creates|creating) (?:again|anew)\\b', 'recreated'),
  idiom('(?:lets?|letting) go of\\b', 'releases'),
  idiom(`${is} told apart\\b`, 'is distinguished'),
  idiom(`${is} told\\b(?! apart)`, 'receives, learns; is reported, is named'),
  idiom('who (?:is|are|was|has) gone\\b', 'a previous owner'),
  idiom('what (?:is|was) there\\b', 'the records on the target, or what it is by name'),
  idiom(`(?:gives?|gave|given|giving) ${away}\\b`, 'returns, releases, stops waiting'),
  idiom(`${is} given\\b(?! ${away})`, 'receives, is assigned, is needed'),
  idiom(`gives\\b(?! ${away})`, 'returns, writes, names, sets'),
  idiom(`${is} taken for\\b`, 'counts as, is mistaken for'),
  idiom('(?:takes?|took|taken|taking) over\\b', 'acquires slots, copies settings, uses values'),
  idiom(`takes\\b(?! (?:${notAccepts}))`, 'accepts, reads, uses, receives'),
  idiom('(?:go(?:es|ing)?|went|gone) on\\b(?! record)', 'continues'),
  idiom('(?:stands?|stood|standing) still\\b', 'is stalled, does not progress'),
  idiom(`${is} away\\b(?! from)`, 'does not answer'),
  idiom('again and again\\b', 'repeatedly'),
  idiom('unless told otherwise\\b', 'by default')
]

/** Where idioms are searched: everywhere except in results of runs. */
const isClean = new RegExp('^(' + [
  'src/', 'test/', 'docs/', 'perf/(?!results/)', '\\.ci/', 'native-bench/', '[A-Z]+\\.md$'
].join('|') + ')')

const hasSentences = (path: string): boolean => /\.(ts|mjs|js|h|cc|c|md)$/.test(path)
/** These files must name what they forbid. */
const isExample = (path: string): boolean => /^test\/tidy\/(language-rules|fixtures)/.test(path)

export function findIdioms (
  path: string, text: string
): Array<{ line: number, what: string, instead: string }> {
  const prose = proseOf(path, text)
  return idioms.flatMap(({ instead, pattern }) => [...prose.matchAll(pattern)]
    .map(({ 0: found, index }) => ({
      line: text.slice(0, index).split('\n').length,
      what: found.replace(/\s+/g, ' '),
      instead
    })))
}

export const languageRules: readonly Rule[] = [
  perFile(
    'no idioms in comments, texts and documents',
    "subject, verb, object, with Kafka's verbs (CONTRIBUTING.md, Sentences)",
    (path) => isClean.test(path) && hasSentences(path) && !isExample(path),
    findIdioms
  )
]
