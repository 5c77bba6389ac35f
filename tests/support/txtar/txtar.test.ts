import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { parseTxtar } from './archive.ts'
import { goRegExp } from './go-regexp.ts'
import { expandVariables, parseLine } from './line.ts'
import { runScript } from './script.ts'

const run = (t: TestContext, text: string) => {
  const work = mkdtempSync(join(tmpdir(), 'sampan-script-'))
  t.after(() => rmSync(work, { recursive: true, force: true }))
  return runScript(text, { work })
}
const script = (name: string) =>
  readFileSync(join(import.meta.dirname, '..', '..', 'testdata', 'txtar', name), 'utf8')

test('an archive is a comment and its files', () => {
  assert.deepEqual(parseTxtar('# one\n\n-- a.txt --\nA\n\n-- b/c d --  \n-- x\n--y--\n'), {
    comment: '# one\n\n',
    files: [
      { name: 'a.txt', text: 'A\n\n' },
      { name: 'b/c d', text: '-- x\n--y--\n' },
    ],
  })
  assert.deepEqual(parseTxtar('no files'), { comment: 'no files\n', files: [] })
  assert.deepEqual(parseTxtar('-- empty --\n'), { comment: '', files: [{ name: 'empty', text: '' }] })
})

const lines: readonly (readonly [line: string, words: readonly string[]])[] = [
  ['a b\tc', ['a', 'b', 'c']],
  ["stdout ''", ['stdout', '']],
  ["a 'b c'd", ['a', 'b cd']],
  ["a 'it''s'", ['a', "it's"]],
  ['a $X', ['a', '1']],
  ["a '$X'", ['a', '$X']],
  ['a # b', ['a']],
  ['-o jsonpath=\'{.a[?(@.b=="c")]}\'', ['-o', 'jsonpath={.a[?(@.b=="c")]}']],
]
for (const [line, words] of lines)
  test(`the words of ${line}`, () => {
    assert.deepEqual(parseLine(line, (text) => text.replaceAll('$X', '1'))?.words, words)
  })

test('a line has conditions and an expectation', () => {
  const parse = (line: string) => parseLine(line, (text) => text)
  assert.deepEqual(parse('[linux] [!exec:git] ! a'), {
    conditions: [
      { name: 'linux', isNegated: false },
      { name: 'exec:git', isNegated: true },
    ],
    expected: 'failure',
    words: ['a'],
  })
  assert.equal(parse('? a')?.expected, 'either')
  assert.equal(parse('  # only a comment'), undefined)
  assert.throws(() => parse("a 'b"), /no end/)
  assert.throws(() => parse('!'), /a command is missing/)
})

test('variables', () => {
  const values = new Map([['A', 'a.b']])
  const expand = (text: string) => expandVariables(text, (name) => values.get(name))
  assert.equal(expand('$A/${A}x$B-${A@R}'), 'a.b/a.bx-a\\.b')
})

test('regular expressions of Go', () => {
  assert.match('x\nabc', goRegExp('(?i)^ABC$'))
  assert.doesNotMatch('xabc', goRegExp('^abc'))
  assert.match('a.b', goRegExp('\\Qa.b\\E$'))
  assert.doesNotMatch('axb', goRegExp('\\Qa.b\\E'))
  assert.match('a1', goRegExp('^[[:alpha:]][[:digit:]]\\z'))
  assert.doesNotMatch('a1\nb', goRegExp('\\Aa1\\z'))
  assert.match('anything', goRegExp(''))
})

test('every built-in command does what it says', async (t) => {
  assert.ok((await run(t, script('language.txtar'))).lines > 40)
})

test('a script may skip itself', async (t) => {
  assert.deepEqual(await run(t, script('skipped.txtar')), { lines: 1, skipped: 'not on this machine' })
})

const failures: readonly (readonly [script: string, message: RegExp])[] = [
  ['exec true\nexec false', /^line 2: exec false\nended with 1$/],
  ['! exec true', /^line 1: ! exec true\nsucceeded, against what is expected$/],
  ['exec echo x\nstdout y', /line 2: stdout y\nnot found: \/y\/m\nstdout:\nx\n/],
  ['exec echo x\n! stdout x', /found: \/x\/m/],
  ['exec echo x\nstdout -count=2 x', /1 matches/],
  ['sail away', /no command is called sail/],
  ['exec sleep 1 &', /background/],
  ['exec no-such-program', /ENOENT/],
  ['exists a', /a does not exist/],
  ['! exists a\n-- a --', /a exists/],
  ['cmp a b\n-- a --\n1\n-- b --\n2', /a:\n1\n\nb:\n2\n/],
]
for (const [text, message] of failures)
  test(`fails with its line and the reason: ${text.split('\n').join('; ')}`, (t) =>
    assert.rejects(run(t, text), { message }))
