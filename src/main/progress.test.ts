import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fakeClock } from '../base/fake-clock.ts'
import { counted, createProgress } from './progress.ts'

function output(isTTY: boolean) {
  const written: string[] = []
  return { isTTY, written, write: (text: string) => written.push(text) }
}

test('on a terminal one line changes a few times a second, and is gone in the end', async () => {
  const clock = fakeClock()
  const terminal = output(true)
  {
    using progress = createProgress(terminal, clock)
    for (let done = 1; done <= 1_000; done++) {
      progress.note('entries restored', done, 1_000)
      await clock.advance(1)
    }
  }
  assert.deepEqual(terminal.written, [
    '\r\u001b[K1 of 1,000 entries restored (0%)',
    '\r\u001b[K201 of 1,000 entries restored (20%)',
    '\r\u001b[K401 of 1,000 entries restored (40%)',
    '\r\u001b[K601 of 1,000 entries restored (60%)',
    '\r\u001b[K801 of 1,000 entries restored (80%)',
    '\r\u001b[K',
  ])
})

test('elsewhere a line is written each five seconds, and none by what is over before', async () => {
  const clock = fakeClock()
  const log = output(false)
  {
    using progress = createProgress(log, clock)
    for (let second = 1; second <= 11; second++) {
      await clock.advance(1_000)
      progress.note('entries backed up', second * 1_000)
    }
  }
  assert.deepEqual(log.written, ['5,000 entries backed up\n', '10,000 entries backed up\n'])
})

test('more than was expected is all of it', () => {
  const terminal = output(true)
  createProgress(terminal, fakeClock()).note('entries removed', 30, 20)
  assert.deepEqual(terminal.written, ['\r\u001b[K30 of 30 entries removed (100%)'])
})

test('what passes is counted, by its size where one is given', async () => {
  const source = async function* () {
    yield 'ab'
    yield 'c'
  }
  const counts: number[] = []
  const items = await Array.fromAsync(
    counted(
      source(),
      (done) => counts.push(done),
      ({ length }) => length,
    ),
  )
  assert.deepEqual(
    [items, counts],
    [
      ['ab', 'c'],
      [2, 3],
    ],
  )
})
