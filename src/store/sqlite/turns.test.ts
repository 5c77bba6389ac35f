import assert from 'node:assert/strict'
import { closeSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'

import { fakeClock } from '../../base/fake-clock.ts'
import { bytes, thrown } from '../conformance/suite.ts'
import { StoreError } from '../store.ts'
import { closedError } from '../errors.ts'
import { get } from './read.ts'
import { openTurns } from './turns.ts'
import { writeGroup } from './write.ts'

const folder = mkdtempSync(join(tmpdir(), 'sampan-turns-'))
after(() => rmSync(folder, { recursive: true }))

function open(name: string) {
  const faults: StoreError[] = []
  const args = { file: join(folder, name), fileBytesMax: undefined }
  const turns = openTurns(args, fakeClock(), (error) => void faults.push(error))
  const create = (key: string) =>
    turns.run((engine) =>
      writeGroup(engine, [{ type: 'create', key, value: bytes('x'), expected: undefined, dueMs: undefined }]),
    )
  return { turns, faults, create }
}

test('work is done in order, and what is refused harms nothing', async () => {
  const { create, faults, turns } = open('order.db')
  const order: string[] = []
  await Promise.all([
    create('/a').then(() => order.push('write')),
    turns.run((engine) => order.push(`read ${get(engine, '/a').entry?.revision}`)),
    thrown('missing', () => turns.run(() => assert.fail(new StoreError('missing', 'as asked')))),
  ])
  assert.deepEqual(order, ['write', 'read 1'])
  const [again] = await create('/a')
  assert(again instanceof StoreError && again.code === 'exists')
  assert.deepEqual(faults, [])
  await turns.close()
})

test('a write whose sync fails is not acknowledged, and nothing more is done', async () => {
  const { create, faults, turns } = open('sync.db')
  await create('/a')
  closeSync(turns.engine.fds.log) // so that it can't be synced
  const error = await thrown('unavailable', () => create('/b'))
  assert.match(error.message, /sync\.db can't go on: .*Start Sampan again/)
  assert.match(String(error.cause), /EBADF.*fdatasync/)
  assert.equal(await thrown('unavailable', () => turns.run(() => 1)), error)
  assert.deepEqual(faults, [error])
})

test('a fault of ours ends it, once', async () => {
  const { faults, turns } = open('fault.db')
  const fault = () => turns.run(() => assert.fail('a fault'))
  const errors = await Promise.all([thrown('unavailable', fault), thrown('unavailable', fault)])
  assert.deepEqual(faults, [errors[0]])
  assert.equal(errors[1], errors[0])
  await turns.close()
})

test('after its end only what had begun is answered', async () => {
  const { create, turns } = open('end.db')
  const begun = turns.run(() => {
    turns.end(closedError())
    return 'answered'
  })
  await thrown('unavailable', () => create('/a'))
  assert.equal(await begun, 'answered')
  await turns.close()
})
