import assert from 'node:assert/strict'
import { lstat, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { giveDisk, giveToOwner } from './ownership.ts'
import { isPodId, namespaceIdOf, podIdOf, podIdsOf } from './sandbox-ids.ts'

const skip = process.getuid?.() === 0 ? false : 'only root can give files away'
const owner = { uid: podIdOf('127.64.4.7'), gid: podIdOf('127.64.4.7') }

async function folder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'sampan-ownership-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) }
}

const ownerOf = async (path: string): Promise<number> => (await lstat(path)).uid

test(
  'a disk that root has written goes to the pod with all that is in it, and no further',
  { skip },
  async () => {
    await using outside = await folder()
    await using disk = await folder()
    await writeFile(join(outside.path, 'file'), '')
    await mkdir(join(disk.path, 'deep'))
    await writeFile(join(disk.path, 'deep', 'file'), '')
    await symlink(join(outside.path, 'file'), join(disk.path, 'link'))
    await symlink(outside.path, join(disk.path, 'way'))
    await giveDisk(disk.path, owner)
    for (const name of ['', 'deep', 'deep/file', 'link', 'way'])
      assert.equal(await ownerOf(join(disk.path, name)), owner.uid, name)
    assert.equal(await ownerOf(outside.path), 0)
    assert.equal(await ownerOf(join(outside.path, 'file')), 0)
  },
)

test('a disk that is the pod’s is left as it is, whoever its files belong to', { skip }, async () => {
  await using disk = await folder()
  await giveDisk(disk.path, owner)
  await writeFile(join(disk.path, 'by-another'), '')
  await giveDisk(disk.path, owner)
  assert.equal(await ownerOf(join(disk.path, 'by-another')), 0)
})

test(
  'files that are written anew go to who has the folder; one of the agent’s stays the agent’s',
  { skip },
  async () => {
    await using volume = await folder()
    giveToOwner(volume.path)
    assert.equal(await ownerOf(volume.path), 0)
    await giveDisk(volume.path, owner)
    await writeFile(join(volume.path, 'token'), '', { mode: 0o400 })
    giveToOwner(volume.path)
    assert.equal(await ownerOf(join(volume.path, 'token')), owner.uid)
  },
)

test('numbers of pods: of one node together, of two nodes apart, none that is a namespace’s', () => {
  const { first, last } = podIdsOf('127.64.4.0/22')
  assert.equal(last - first, 1023)
  assert.ok(podIdOf('127.64.4.1') > first && podIdOf('127.64.7.254') < last)
  assert.equal(podIdsOf('127.64.8.0/22').first, last + 1)
  assert.ok(namespaceIdOf('default') > podIdOf('127.127.255.255'))
  assert.ok(isPodId(namespaceIdOf('default')) && isPodId(first) && !isPodId(1000))
  assert.throws(() => podIdOf('10.0.0.1'), /no address of a pod/)
})
