import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { draftOf, removeLeftDrafts } from './draft.ts'
import { writeSynced } from './write-synced.ts'

function newFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'sampan-draft-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return folder
}

test('writers of one file at once do not trip over each other, and leave nothing but one whole text', async (t) => {
  const folder = newFolder(t)
  const path = join(folder, 'key')
  const texts = Array.from({ length: 20 }, (_, i) => String(i).repeat(1 + i * 5_000))
  await Promise.all(texts.map((text) => writeSynced(path, text)))
  assert(texts.includes(readFileSync(path, 'utf8')))
  assert.deepEqual(readdirSync(folder), ['key'])
})

test('what cannot take its place leaves no draft', async (t) => {
  const folder = newFolder(t)
  await assert.rejects(writeSynced(join(folder, 'none', 'key'), 'x'), { code: 'ENOENT' })
  await assert.rejects(writeSynced(folder, 'x'), /EISDIR|EBUSY|ENOTEMPTY/)
  assert.deepEqual(readdirSync(folder), [])
})

test('the next write removes what a killed one has left; drafts of others, and of other files, stay', async (t) => {
  const folder = newFolder(t)
  const path = join(folder, 'key')
  const [left, young] = [draftOf(path), draftOf(path)]
  const others = [
    draftOf(join(folder, 'key2')),
    `${path}.new`,
    `${path}.zzzzzzzz.new`,
    `${path}.0000000a.newer`,
  ]
  for (const file of [left, young, ...others]) writeFileSync(file, 'half a te')
  const before = new Date(Date.now() - 11 * 60_000)
  for (const file of [left, ...others]) utimesSync(file, before, before)
  await writeSynced(path, 'whole')
  const names = () => readdirSync(folder).map((name) => join(folder, name))
  assert.deepEqual(names(), [path, young, ...others].toSorted())
  for (const absent of [join(folder, 'absent'), join(folder, 'none', 'absent')]) removeLeftDrafts(absent)
  assert.equal(names().length, 6)
})
