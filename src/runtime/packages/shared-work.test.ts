import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { deferred } from '../../base/deferred.ts'
import { createSharedWork } from './shared-work.ts'

const never = new AbortController().signal
const ignore = () => {}
const settle = () => new Promise((resolve) => setImmediate(resolve))

describe('shared work', () => {
  it('runs at most so many at a time, the others in turn', async () => {
    const shared = createSharedWork<string, string>(2)
    const gates = ['a', 'b', 'c'].map((key) => ({ key, gate: deferred() }))
    const begun: string[] = []
    const all = gates.map(({ key, gate }) =>
      shared.join(key, async () => (begun.push(key), await gate.promise, key), never, ignore),
    )
    await settle()
    assert.deepEqual(begun, ['a', 'b'])
    gates[0]?.gate.resolve()
    await settle()
    assert.deepEqual(begun, ['a', 'b', 'c'])
    gates.forEach(({ gate }) => gate.resolve())
    assert.deepEqual(await Promise.all(all), ['a', 'b', 'c'])
  })

  it('tells all who joined, and fails all', async () => {
    const shared = createSharedWork<string, string>(1)
    const told: string[] = []
    const work = async (_: AbortSignal, tell: (text: string) => void) => {
      tell('begun')
      throw new Error('no luck')
    }
    const both = ['x', 'y'].map((who) => shared.join('k', work, never, (text) => told.push(`${who} ${text}`)))
    for (const one of both) await assert.rejects(one, /no luck/)
    assert.deepEqual(told, ['x begun', 'y begun'])
    assert.equal(await shared.join('k', async () => 'again', never, ignore), 'again')
  })

  it('aborts the work at its close', async () => {
    const shared = createSharedWork<string, string>(1)
    const work = (signal: AbortSignal) =>
      new Promise<string>((_, reject) => signal.addEventListener('abort', () => reject(new Error('closed'))))
    const one = assert.rejects(shared.join('k', work, never, ignore), /closed/)
    await settle()
    await shared.close()
    await one
  })
})
