// Translates Java regular expressions to JavaScript. Syntax with the same meaning is kept, syntax
// of Java alone is translated, and syntax without a JavaScript equivalent is refused: a filter with
// another meaning would mirror the wrong topics.

export type JavaRegex =
  | { readonly ok: true, readonly source: string, readonly flags: string }
  | { readonly ok: false, readonly reason: string }

// Java's POSIX and java.lang.Character classes; ASCII only, as in Java without (?U).
const propertyClasses: Readonly<Record<string, string>> = {
  Lower: 'a-z',
  Upper: 'A-Z',
  ASCII: '\\x00-\\x7F',
  Alpha: 'a-zA-Z',
  Digit: '0-9',
  Alnum: 'a-zA-Z0-9',
  Punct: '!-\\/:-@\\[-`\\{-~',
  Graph: '!-~',
  Print: ' -~',
  Blank: ' \\t',
  Cntrl: '\\x00-\\x1F\\x7F',
  XDigit: '0-9a-fA-F',
  Space: ' \\t\\n\\x0B\\f\\r'
}

class Untranslatable extends Error {}

export function translateJavaRegex (java: string): JavaRegex {
  try {
    const { flags, rest } = leadingFlags(java)
    // The flag `v` would allow set operations but changes escaping inside classes. The flag `u`
    // refuses undefined escapes, so no untranslated Java syntax is accepted by mistake.
    const source = translate(rest)
    RegExp(source, flags)
    return { ok: true, source, flags }
  } catch (error) {
    if (error instanceof Untranslatable) return { ok: false, reason: error.message }
    if (error instanceof SyntaxError) return { ok: false, reason: syntaxReason(error) }
    throw error
  }
}

function syntaxReason (error: SyntaxError): string {
  return error.message.replace(/^Invalid regular expression: (\/.*\/[a-z]*: )?/s, '').toLowerCase()
}

/** Flags for the whole expression, `(?i)topic`; JavaScript has no flags within an expression. */
function leadingFlags (java: string): { flags: string, rest: string } {
  const [whole = '', letters = ''] = /^\(\?([a-zA-Z]+)\)/.exec(java) ?? []
  for (const letter of letters) {
    if (!'iums'.includes(letter)) throw new Untranslatable(`(?${letter}) is not possible here`)
  }
  // Java's `u` (Unicode case) is what JavaScript's `u` does anyway.
  return { flags: [...new Set(`u${letters}`)].join(''), rest: java.slice(whole.length) }
}

interface Group { readonly start: number, readonly atomic: boolean }

function translate (java: string): string {
  let out = ''
  // The index in `out` at which the part begins that a quantifier would repeat.
  let atom: number | undefined
  const open: Group[] = []
  let atomics = 0
  const atomic = (body: string) => {
    if (/\\[1-9]/.test(java)) throw new Untranslatable('back references beside atomic groups')
    const name = `atomic${atomics++}`
    return `(?:(?=(?<${name}>${body}))\\k<${name}>)`
  }
  for (let at = 0; at < java.length;) {
    const letter = java.charAt(at)
    const [quantifier = ''] = /^(?:[*+?]|\{\d+(?:,\d*)?\})/.exec(java.slice(at)) ?? []
    if (quantifier !== '') {
      at += quantifier.length
      if (java.charAt(at) !== '+') {
        out += quantifier
        if (java.charAt(at) === '?') { out += '?'; at++ }
        continue
      }
      // Possessive: without backtracking, like an atomic group.
      if (atom === undefined) throw new Untranslatable(`nothing to repeat before ${quantifier}+`)
      out = out.slice(0, atom) + atomic(out.slice(atom) + quantifier)
      at++
    } else if (letter === '(') {
      const piece = groupHead(java, at)
      open.push({ start: out.length, atomic: piece.source === '(?>' })
      out += piece.source === '(?>' ? '(?:' : piece.source
      at += piece.length
    } else if (letter === ')') {
      const group = open.pop()
      if (group === undefined) throw new Untranslatable(') without (')
      atom = group.start
      out += ')'
      if (group.atomic) out = out.slice(0, atom) + atomic(out.slice(atom))
      at++
    } else {
      const piece = nextPiece(java, at)
      atom = java.startsWith('\\Q', at) ? undefined : out.length
      out += piece.source
      at += piece.length
    }
  }
  if (open.length > 0) throw new Untranslatable('( without )')
  return out
}

interface Piece { readonly source: string, readonly length: number }

function nextPiece (java: string, at: number): Piece {
  const letter = java.charAt(at)
  switch (letter) {
    case '\\': return escape(java, at, false)
    case '[': return characterClass(java, at)
    case '{': throw new Untranslatable('{ without a count')
    case ']': case '}': return { source: `\\${letter}`, length: 1 }
    default: return { source: letter, length: 1 }
  }
}

function groupHead (java: string, at: number): Piece {
  if (java.charAt(at + 1) !== '?') return { source: '(', length: 1 }
  const [head] = /^\(\?(<=|<!|[:=!>]|<[a-zA-Z][a-zA-Z0-9]*>)/.exec(java.slice(at)) ?? []
  if (head !== undefined) return { source: head, length: head.length }
  throw new Untranslatable(`${java.slice(at, at + 4)} is not possible here; ` +
    'flags can only stand at the beginning')
}

function escape (java: string, at: number, inClass: boolean): Piece {
  const letter = java.charAt(at + 1)
  if (letter === '') throw new Untranslatable('it ends with a single \\')
  if (letter === 'Q') return quoted(java, at)
  if (letter === 'p' || letter === 'P') return property(java, at, inClass)
  const same = { source: java.slice(at, at + 2), length: 2 }
  if (/[dDwWsSbBtnrfxu0-9]/.test(letter)) {
    if (letter === 'b' && inClass) throw new Untranslatable('\\b inside [ ] is not possible')
    return /^[xu]/.test(letter) ? codePoint(java, at) : same
  }
  const replacement = {
    A: '^', z: '$', Z: '$', h: inClass ? ' \\t' : '[ \\t]', a: '\\x07', e: '\\x1B'
  }[letter]
  if (replacement !== undefined && !(inClass && 'AzZ'.includes(letter))) {
    return { source: replacement, length: 2 }
  }
  if (/[a-zA-Z]/.test(letter)) throw new Untranslatable(`\\${letter} is not possible here`)
  // With the flag `u` only syntax characters may be escaped; Java reads any other escape as the
  // character itself.
  const needs = /[\^$\\.*+?()[\]{}|/-]/.test(letter) && (letter !== '-' || inClass)
  return { source: needs ? `\\${letter}` : letter, length: 2 }
}

function codePoint (java: string, at: number): Piece {
  const [whole] = /^\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4})/.exec(java.slice(at)) ?? []
  if (whole === undefined) throw new Untranslatable(`${java.slice(at, at + 6)} is not a character`)
  return { source: whole, length: whole.length }
}

function quoted (java: string, at: number): Piece {
  const end = java.indexOf('\\E', at + 2)
  const text = java.slice(at + 2, end === -1 ? undefined : end)
  const length = (end === -1 ? java.length : end + 2) - at
  return { source: text.replace(/[\^$\\.*+?()[\]{}|/]/g, '\\$&'), length }
}

function property (java: string, at: number, inClass: boolean): Piece {
  const [whole, sign, name] = /^\\([pP])\{(\w+)\}/.exec(java.slice(at)) ?? []
  if (whole === undefined || name === undefined) {
    throw new Untranslatable(`${java.slice(at, at + 3)} is not possible here`)
  }
  const characters = Object.hasOwn(propertyClasses, name) ? propertyClasses[name] : undefined
  // Unicode categories (\p{L}, \p{Lu}, \p{IsAlphabetic}) mean the same in both.
  if (characters === undefined) return { source: whole.replace('{Is', '{'), length: whole.length }
  if (!inClass) return { source: `[${sign === 'P' ? '^' : ''}${characters}]`, length: whole.length }
  if (sign === 'P') throw new Untranslatable(`${whole} inside [ ] is not possible here`)
  return { source: characters, length: whole.length }
}

function characterClass (java: string, at: number): Piece {
  let source = '['
  let next = at + 1
  if (java.charAt(next) === '^') { source += '^'; next++ }
  for (let first = true; ; first = false) {
    const letter = java.charAt(next)
    if (letter === '') throw new Untranslatable('[ without ]')
    if (letter === ']' && !first) return { source: `${source}]`, length: next + 1 - at }
    if (letter === '[') throw new Untranslatable('[ inside [ ] is not possible here')
    if (java.startsWith('&&', next)) throw new Untranslatable('&& inside [ ] is not possible here')
    const piece = letter === '\\' ? escape(java, next, true) : classLetter(letter)
    source += piece.source
    next += piece.length
  }
}

function classLetter (letter: string): Piece {
  return { source: letter === ']' || letter === '{' || letter === '}' ? `\\${letter}` : letter,
    length: 1 }
}
