import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, rmdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, beforeEach, describe, it } from 'node:test'
import { foldersOf } from './cgroup-plan.ts'
import { groupFolders, removeUnused } from './cgroup.ts'
import { findCgroups } from './find-cgroups.ts'
import { createGroupMaker } from './group-maker.ts'

const support = await findCgroups({ name: `sampan-test-maker-${process.pid}`, dataDir: tmpdir() })
const tree = support.usable ? support.tree : undefined
after(async () => {
  for (const folder of tree ? foldersOf(tree) : []) await rmdir(folder)
})

describe('a control group made ahead', { skip: support.usable ? false : support.reason }, () => {
  let stateDir = ''
  beforeEach(async () => {
    stateDir = await mkdtemp(join(tmpdir(), 'sampan-maker-'))
  })
  afterEach(async () => {
    await removeUnused(stateDir)
    await rm(stateDir, { recursive: true })
  })
  const specOf = (id: string) => ({ id, stateDir, resources: { pidsMax: 77 } })
  const pidsMax = () =>
    Promise.all(
      groupFolders(stateDir)
        .map((folder) => join(folder, 'pids.max'))
        .filter((file) => existsSync(file))
        .map((file) => readFile(file, 'utf8')),
    )

  it('is the one that the start gets, with its limits; taking it back then does nothing', async () => {
    const groups = createGroupMaker(tree)
    const expectation = groups.expect(specOf('used'))
    await groups.make(specOf('used'))
    await expectation.cancel()
    assert.deepEqual(await pidsMax(), ['77\n'])
  })

  it('is removed when no start follows', async () => {
    const groups = createGroupMaker(tree)
    const expectation = groups.expect(specOf('unused'))
    await expectation.cancel()
    const folders = groupFolders(stateDir)
    assert.ok(folders.length > 0)
    assert.deepEqual(
      folders.filter((folder) => existsSync(folder)),
      [],
    )
  })

  it('is made again by a start that comes after all', async () => {
    const groups = createGroupMaker(tree)
    await groups.expect(specOf('late')).cancel()
    await groups.make(specOf('late'))
    assert.deepEqual(await pidsMax(), ['77\n'])
  })

  it('that could not be made is told to the start, and to nobody else', async () => {
    const groups = createGroupMaker(tree)
    const nowhere = { ...specOf('nowhere'), stateDir: join(stateDir, 'missing') }
    const expectation = groups.expect(nowhere)
    await assert.rejects(groups.make(nowhere), { code: 'ENOENT' })
    await expectation.cancel()
    await groups.expect(nowhere).cancel()
  })
})

it('where there are no control groups there is nothing to wait for', async () => {
  const groups = createGroupMaker(undefined)
  const spec = { id: 'a', stateDir: '/nowhere' }
  const expectation = groups.expect(spec)
  await groups.make(spec)
  await expectation.cancel()
})
