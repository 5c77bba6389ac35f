import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fc } from '../../base/fast-check.ts'
import { fieldErrorText } from '../field-errors.ts'
import { historyQuery, parseHistoryOptions } from './log-history.ts'
import { formatLogRecord, logTextBytesMax, logTime, parseLogRecord, splitOutput } from './log-lines.ts'
import { parseLogOptions } from './log-options.ts'

test('a record is written as the CRI says', () => {
  const time = logTime(new Date('2026-01-01T00:00:00.5Z'), 7)
  assert.equal(
    formatLogRecord({ time, stream: 'stdout', partial: false, text: 'hello  there ' }),
    '2026-01-01T00:00:00.500000007Z stdout F hello  there \n',
  )
})

test('a record reads back as it was written, whatever its text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.boolean(), (raw, partial) => {
      const text = raw.replaceAll('\n', ' ')
      const written = { time: logTime(new Date(0)), stream: 'stderr', partial, text } as const
      assert.deepEqual(parseLogRecord(formatLogRecord(written).slice(0, -1)), written)
    }),
  )
})

for (const line of [
  '',
  'hello',
  '2026-01-01T00:00:00Z stdin F x',
  '2026-01-01T00:00:00Z stdout X x',
  '2026-01-01T0',
])
  test(`no record: ${JSON.stringify(line)}`, () => assert.equal(parseLogRecord(line), undefined))

const rows = [
  { name: 'whole lines', text: 'a\nb\n', isEnd: false, texts: ['a', 'b'], consumed: 4 },
  { name: 'an unfinished line waits', text: 'a\nb', isEnd: false, texts: ['a'], consumed: 2 },
  {
    name: 'an unfinished line at the end is a line',
    text: 'a\nb',
    isEnd: true,
    texts: ['a', 'b'],
    consumed: 3,
  },
  { name: 'empty lines are kept', text: '\n\n', isEnd: false, texts: ['', ''], consumed: 2 },
  { name: 'nothing', text: '', isEnd: true, texts: [], consumed: 0 },
]
for (const { name, text, isEnd, texts, consumed } of rows) {
  test(`split: ${name}`, () => {
    const split = splitOutput(text, { isEnd })
    assert.deepEqual(
      split.pieces.map((piece) => piece.text),
      texts,
    )
    assert.equal(split.consumed, consumed)
  })
}

test('a long line comes in pieces that join to the line', () => {
  const line = 'x'.repeat(logTextBytesMax * 2 + 5)
  const { pieces } = splitOutput(`${line}\n`, { isEnd: false })
  assert.deepEqual(
    pieces.map((piece) => piece.partial),
    [true, true, false],
  )
  assert.equal(pieces.map((piece) => piece.text).join(''), line)
})

test('log options say what is wrong with them', () => {
  const { options, errors } = parseLogOptions(
    new URLSearchParams('follow=true&previous=0&tailLines=-1&sinceSeconds=x&limitBytes=0&sinceTime=soon'),
  )
  assert.equal(options.follow, true)
  assert.equal(options.previous, false)
  assert.deepEqual(errors.map((error) => error.field).sort(), [
    'limitBytes',
    'sinceSeconds',
    'sinceSeconds',
    'sinceTime',
    'tailLines',
  ])
})

test('one stream can be asked for, but not its last lines', () => {
  const texts = (query: string) => parseLogOptions(new URLSearchParams(query)).errors.map(fieldErrorText)
  assert.deepEqual(texts('stream=Stderr'), [])
  assert.deepEqual(texts('stream=All&tailLines=1'), [])
  assert.deepEqual(texts('stream=Stdout&tailLines=1'), [
    '[]: Forbidden: `tailLines` and specific `stream` are mutually exclusive for now',
  ])
  assert.deepEqual(texts('stream=out'), [
    'stream: Unsupported value: "out": supported values: "All", "Stderr", "Stdout"',
  ])
})

test('a history is asked for as it is answered', () => {
  const options = {
    since: new Date('2026-01-01T00:00:00Z'),
    until: new Date('2026-01-02T00:00:00Z'),
    container: 'app',
    stream: 'stderr',
    isExact: true,
  } as const
  assert.deepEqual(parseHistoryOptions(historyQuery(options)), { options, errors: [] })
  const endless = parseHistoryOptions(new URLSearchParams('follow=true&untilTime=2026-01-02T00:00:00Z'))
  assert.equal(endless.errors.length, 1)
})
