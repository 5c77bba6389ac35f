import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { crashOf } from './crash-report.ts'

// Set it to run these tests on another Node.js, such as the oldest supported.
const interpreter = process.env['SAMPAN_TEST_NODE'] ?? process.execPath

/** What a real program leaves behind. */
function outputOf(code: string, flags: readonly string[] = []): string {
  const { stderr, stdout } = spawnSync(interpreter, [...flags, '-e', code], { encoding: 'utf8', env: {} })
  return stdout + stderr
}

const crashes: readonly { readonly what: string; readonly code: string; readonly expected: RegExp }[] = [
  {
    what: 'an error',
    code: `console.log('before'); throw new TypeError('no boat')`,
    expected: /^TypeError: no boat\n\s+at /,
  },
  { what: 'a rejection', code: `Promise.reject(new Error('sunk'))`, expected: /^Error: sunk\n\s+at / },
  {
    what: 'in a callback',
    code: `setTimeout(function late() { throw new Error('later') })`,
    expected: /^Error: later\n\s+at .*late/,
  },
  { what: 'a text', code: `throw 'just text'`, expected: /just text/ },
  {
    what: 'with fields and a cause',
    code: `throw Object.assign(new Error('deep', { cause: new Error('below') }), { code: 'E1' })`,
    expected: /^Error: deep\n\s+at /,
  },
  { what: 'a missing module', code: `require('./nowhere')`, expected: /Cannot find module '\.\/nowhere'/ },
]
for (const { code, expected, what } of crashes) {
  test(`uncaught: ${what}`, () => {
    const crash = crashOf(outputOf(code))
    assert.equal(crash?.reason, 'UncaughtException')
    assert.match(crash.message, expected)
    assert.ok(crash.message.split('\n').length <= 12 && crash.message.length <= 1_000)
  })
}

test('a full heap', () => {
  const crash = crashOf(
    outputOf(`const all = []; for (;;) all.push(new Array(1000).fill(all.length))`, [
      '--max-old-space-size=10',
    ]),
  )
  assert.equal(crash?.reason, 'HeapOutOfMemory')
  assert.match(crash.message, /^FATAL ERROR: .*JavaScript heap out of memory/)
})

test('other ends are no crash', () => {
  for (const output of [
    '',
    'bye\n',
    'Error: told\n    at somewhere (x.js:1:1)\n',
    outputOf('process.exit(3)'),
  ])
    assert.equal(crashOf(output), undefined)
})

test('a long message is cut', () => {
  const crash = crashOf(outputOf(`throw new Error('x'.repeat(5000))`))
  assert.equal(crash?.message.length, 1_000)
})
