import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fc } from '../../base/fast-check.ts'
import { matchedLengthMax, patternOf } from './pattern.ts'

const rows: readonly [pattern: string, matching: readonly string[], others: readonly string[]][] = [
  ['', ['', 'a'], []],
  ['^[a-z0-9]([-a-z0-9]*[a-z0-9])?$', ['a', 'a-b', '0'], ['-a', 'a-', 'A', '']],
  ['b', ['abc', 'b'], ['ac', '']],
  ['^(web|db|)$', ['web', 'db', ''], ['we', 'webdb']],
  ['^a{2,3}b{2}c{1,}$', ['aabbc', 'aaabbccc'], ['abbc', 'aaaabbc', 'aabc', 'aabb']],
  ['^a{,2}$', ['a{,2}'], ['aa']],
  ['(?i)^[[:alpha:]]+\\z', ['Ab', 'z'], ['a1', '']],
  ['^(?i:a)b$', ['Ab', 'ab'], ['aB']],
  ['^\\d+\\.\\d*?$', ['1.', '12.34'], ['.1', '1']],
  ['^[^\\s@]+@[\\w.-]+$', ['a@b.c-d'], ['a b@c', 'a@']],
  ['^\\p{Greek}\\pL\\P{Lu}$', ['αab'], ['aab', 'αaB']],
  ['^[\\]a\\-z]+$', [']a-z'], ['b']],
  ['^[]-]+$', [']-'], ['a']],
  ['^[a-]$', ['a', '-'], ['b']],
  ['^.$', ['a', '💥'], ['\n', 'ab']],
  ['(?s)^.$', ['\n'], ['ab']],
  ['(?m)^b$', ['a\nb\nc'], ['ab']],
  ['\\bfoo\\b', ['a foo b', 'foo'], ['food']],
  ['\\Bo', ['fo'], ['o']],
  ['^\\Qa.b\\E$', ['a.b'], ['axb']],
  ['^\\x41\\x{1F4A5}\\101\\n\\_$', ['A💥A\n_'], ['A']],
  ['^(?P<name>a)(?<other>b)$', ['ab'], ['a']],
  ['^(a*)*$', ['', 'aaa'], ['b']],
  ['^(|a)+$', ['', 'aa'], ['b']],
]

for (const [pattern, matching, others] of rows)
  test(`/${pattern}/ matches as in Go`, () => {
    const compiled = patternOf(pattern)
    for (const value of matching) assert.ok(compiled.test(value), `${JSON.stringify(value)} should match`)
    for (const value of others) assert.ok(!compiled.test(value), `${JSON.stringify(value)} should not match`)
  })

const refused: readonly [pattern: string, why: RegExp][] = [
  ['(', /missing closing \)/],
  [')', /unexpected \)/],
  ['[a', /missing closing \]/],
  ['*', /missing argument to repetition operator/],
  ['a**', /invalid nested repetition operator/],
  ['a{1001}', /invalid repeat count/],
  ['a{2,1}', /invalid repeat count/],
  ['(?=a)', /unsupported Perl syntax/],
  ['(a)\\1', /invalid escape sequence/],
  ['\\', /trailing backslash/],
  ['[b-a]', /invalid character class range/],
  ['\\p{Nonsense}', /invalid character class range/],
  ['((a{100}){100}){100}', /too large/],
  ['((((){1000}){1000}){1000})', /too large/],
  ['('.repeat(2_000), /nests too deeply/],
]
for (const [pattern, why] of refused)
  test(`/${pattern.slice(0, 30)}/ is refused`, () => assert.throws(() => patternOf(pattern), why))

test('it takes linear time, whatever the pattern', () => {
  for (const pattern of [
    '^(a+)+$',
    '^(a|a)*$',
    '^(a|aa)+$',
    '(.*)*(.*)*(.*)*b',
    '^((a{1,10}){1,10}){1,10}$',
  ]) {
    const startMs = performance.now()
    assert.equal(patternOf(pattern).test(`${'a'.repeat(matchedLengthMax - 1)}!`), false)
    assert.ok(performance.now() - startMs < 10_000, pattern)
  }
})

test('what both dialects know means the same in both', () => {
  const atom = fc.constantFrom('a', 'b', '.', '[ab]', '[^a]', '\\w', '^', '$', '\\b')
  const { pattern } = fc.letrec<{ pattern: string }>((tie) => ({
    pattern: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      atom,
      fc.tuple(tie('pattern'), tie('pattern')).map(([a, b]) => a + b),
      fc.tuple(tie('pattern'), tie('pattern')).map(([a, b]) => `(${a}|${b})`),
      fc
        .tuple(tie('pattern'), fc.constantFrom('*', '+', '?', '{2}', '{0,2}', '{1,}'))
        .map(([a, times]) => `(?:${a})${times}`),
    ),
  }))
  const value = fc.string({ unit: fc.constantFrom('a', 'b', 'c', ' '), maxLength: 8 })
  fc.assert(
    fc.property(pattern, value, (text, given) =>
      assert.equal(patternOf(text).test(given), new RegExp(text).test(given)),
    ),
    { numRuns: 2_000 },
  )
})
