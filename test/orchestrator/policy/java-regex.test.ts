// Java regular expressions in JavaScript: they match the same names, or are refused.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { translateJavaRegex } from '../../../src/orchestrator/policy/java-regex.ts'

function matches (java: string, name: string): boolean {
  const translated = translateJavaRegex(java)
  assert.ok(translated.ok, `${java}: ${translated.ok ? '' : translated.reason}`)
  return RegExp(`^(?:${translated.source})$`, translated.flags).test(name)
}

// Expression, names that Java matches completely, names that it does not match.
const cases: ReadonlyArray<readonly [string, readonly string[], readonly string[]]> = [
  ['.*', ['', 'orders', 'a.b-c_d'], []],
  ['foo-.*', ['foo-', 'foo-bar'], ['foo', 'xfoo-bar']],
  ['.*[\\-\\.]internal', ['a-internal', 'a.internal'], ['internal', 'a.internals']],
  ['__.*', ['__consumer_offsets'], ['_x']],
  ['a|bc', ['a', 'bc'], ['ab', 'c']],
  ['(?i)Orders', ['orders', 'ORDERS'], ['order']],
  ['\\p{Alpha}+\\d{2,3}', ['ab12', 'Z123'], ['12', 'ab1', 'ä12']],
  ['[\\p{Lower}_]+', ['a_b'], ['A']],
  ['\\P{Digit}+', ['abc'], ['a1']],
  ['\\p{IsAlphabetic}+', ['äöü'], ['1']],
  ['\\Qa.b*\\E.+', ['a.b*c'], ['axb*c']],
  ['a*+b', ['aab', 'b'], ['a']],
  ['a*+a', [], ['a', 'aa']],
  ['(?:ab)++c', ['ababc'], ['c']],
  ['(?>a|ab)c', ['ac'], ['abc']],
  ['[a-z]{1,2}+z', ['abz'], ['az']],
  ['(?!test).*', ['prod', 'tes'], ['test-1']],
  ['.*(?<!-dlq)', ['orders'], ['orders-dlq']],
  ['\\Aorders\\z', ['orders'], ['order']],
  ['a\\_b\\@', ['a_b@'], ['a\\_b@']],
  ['[]a]+', [']a'], ['b']],
  ['a]b}', ['a]b}'], []]
]

for (const [expression, yes, no] of cases) {
  test(`${expression} matches what Java matches`, () => {
    for (const name of yes) assert.equal(matches(expression, name), true, `${name} is matched`)
    for (const name of no) assert.equal(matches(expression, name), false, `${name} is not`)
  })
}

test('syntax that JavaScript lacks is refused with the reason', () => {
  const refused = {
    '[a-z&&[^b]]': /&&/,
    '[a[bc]]': /\[ inside/,
    'a(?i)b': /beginning/,
    '(?x)a': /\(\?x\)/,
    'a{': /without a count/,
    '(a': /\( without \)/,
    'a)': /\) without \(/,
    'a\\': /single/,
    '\\G': /\\G/,
    '*a': /nothing to repeat/,
    '(a)\\1b*+': /back references/,
    '\\p{Nonsense}': /property name/
  }
  for (const [expression, reason] of Object.entries(refused)) {
    const translated = translateJavaRegex(expression)
    assert.equal(translated.ok, false, expression)
    assert.match(translated.ok ? '' : translated.reason, reason, expression)
  }
})

test('a quoted name matches itself and nothing else', () => {
  fc.assert(fc.property(fc.string(), fc.string(), (name, other) => {
    fc.pre(!name.includes('\\E'))
    assert.equal(matches(`\\Q${name}\\E`, name), true)
    assert.equal(matches(`\\Q${name}\\E`, other), name === other)
  }))
})

test('any text is translated or refused, without an exception', () => {
  fc.assert(fc.property(fc.string({ unit: fc.constantFrom(...'ab.*+?()[]{}\\|^$-:=!<>1,QEpi') }),
    text => { translateJavaRegex(text) }))
})
