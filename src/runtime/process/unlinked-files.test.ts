import assert from 'node:assert/strict'
import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { unlinkedBytes } from './unlinked-files.ts'

test('what is held open without a name counts once, and no longer than that', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'sampan-unlinked-'))
  t.after(() => rm(folder, { recursive: true }))
  const path = join(folder, 'file')
  const [file, other] = [await open(path, 'w'), await open(path, 'r')]
  await file.write(Buffer.alloc(1024 * 1024, 1))
  const before = await unlinkedBytes([process.pid], folder)
  await rm(path)
  const after = await unlinkedBytes([process.pid, process.pid], folder)
  assert.equal(after - before, 1024 * 1024)
  await Promise.all([file.close(), other.close()])
  assert.equal(await unlinkedBytes([process.pid], folder), before)
  assert.equal(await unlinkedBytes([2 ** 22 + 1], folder), 0, 'a process that is no more')
})
