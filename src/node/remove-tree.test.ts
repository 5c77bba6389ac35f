import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { chmod, chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { removeLiveTree, removeTree } from './remove-tree.ts'

const nobody = 65_534

for (const remove of [removeTree, removeLiveTree])
  test(`${remove.name}: folders that are closed to their owner go, too`, async (t) => {
    const root = await mkdtemp(join(tmpdir(), 'sampan-remove-'))
    t.after(() => rm(root, { recursive: true }))
    if (process.getuid?.() === 0) {
      await chown(root, nobody, nobody)
      process.seteuid?.(nobody)
      t.after(() => process.seteuid?.(0))
    }
    const tree = join(root, 'tree')
    const closed = join(tree, 'cache', 'package')
    await mkdir(closed, { recursive: true })
    await writeFile(join(closed, 'file'), '')
    await chmod(closed, 0o500)
    await chmod(join(tree, 'cache'), 0o000)
    await remove(tree)
    assert.ok(!existsSync(tree))
    await remove(tree) // nothing there any more
  })
