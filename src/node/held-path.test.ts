import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, realpath, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { makeBelow, withHeld } from './held-path.ts'
import { giveHeld } from './ownership.ts'
import { VolumeError } from './volumes.ts'

const isRoot = process.getuid?.() === 0
const owner = { uid: 12_345, gid: 12_345 }

describe('what lies in a folder that pods write to', () => {
  let root = ''
  let volume = ''
  let others = ''
  beforeEach(async () => {
    root = await realpath(await mkdtemp(join(tmpdir(), 'sampan-held-')))
    volume = join(root, 'volume')
    others = join(root, 'others')
    await mkdir(join(volume, 'real'), { recursive: true })
    await mkdir(join(others, 'deep'), { recursive: true })
    await writeFile(join(others, 'deep', 'file'), '')
    await symlink(others, join(volume, 'link'))
  })
  afterEach(() => rm(root, { recursive: true }))

  it('is made where it was meant to be', async () => {
    assert.equal(await makeBelow(volume, ['real', 'new', 'newer']), join(volume, 'real', 'new', 'newer'))
    assert.equal(await makeBelow(volume, ['real', 'new']), join(volume, 'real', 'new'))
    assert.equal(await makeBelow(volume, []), volume)
    assert.ok((await stat(join(volume, 'real', 'new', 'newer'))).isDirectory())
  })

  it('is not made behind a link', async () => {
    for (const names of [['link'], ['link', 'new'], ['real', '..', 'link', 'new']])
      await assert.rejects(makeBelow(volume, names), VolumeError, names.join('/'))
    assert.deepEqual(await readdir(others), ['deep'])
  })

  it('is not held behind a link, which may have come since it was made', async () => {
    for (const path of ['link', 'link/deep', 'link/deep/file'])
      await assert.rejects(
        withHeld(join(volume, path), () => Promise.resolve()),
        VolumeError,
        path,
      )
    assert.ok(await withHeld(join(volume, 'real'), (held) => Promise.resolve(existsSync(held))))
  })

  it(
    'goes to its pod, and nothing else does',
    { skip: isRoot ? false : 'only root gives away' },
    async () => {
      await writeFile(join(volume, 'real', 'file'), '')
      for (const kind of ['disk', 'folder'] as const)
        await assert.rejects(giveHeld(join(volume, 'link', 'deep'), owner, kind), VolumeError)
      assert.equal((await stat(join(others, 'deep'))).uid, 0)
      await giveHeld(join(volume, 'real'), owner, 'folder')
      assert.equal((await stat(join(volume, 'real'))).uid, owner.uid)
      assert.equal((await stat(join(volume, 'real', 'file'))).uid, 0)
      await giveHeld(join(volume, 'real', 'file'), owner, 'disk')
      assert.equal((await stat(join(volume, 'real', 'file'))).uid, owner.uid)
      await mkdir(join(volume, 'whole', 'deep'), { recursive: true })
      await giveHeld(join(volume, 'whole'), owner, 'disk')
      assert.equal((await stat(join(volume, 'whole', 'deep'))).uid, owner.uid)
    },
  )
})
