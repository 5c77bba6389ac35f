import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { findParent } from './find-parent.ts'
import { readStat } from './proc.ts'
import type { MarkedProcess } from './process-table.ts'
import { recordFile } from './record-files.ts'

const line = '4242 (sh) S 1 4242 4242 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 1 0 777 0 0\n'
const own = readStat(process.pid)
assert.ok(own)
const seen = { ...own, pid: 4242, groupId: 4242, startTicks: 777 }

/** What the parent has done by the time of each look at the processes, and whether the look shows it. */
interface Look {
  readonly file?: string
  readonly isSeen?: boolean
}

interface Row {
  readonly name: string
  readonly before?: string
  readonly looks: readonly Look[]
  readonly pid: number | undefined
}

const rows: readonly Row[] = [
  { name: 'one that has written who it is', before: line, looks: [], pid: 4242 },
  { name: 'none', looks: [{}], pid: undefined },
  { name: 'one in its first instructions', looks: [{ isSeen: true }], pid: 4242 },
  { name: 'one that is in the middle of writing', before: '', looks: [{ isSeen: true }], pid: 4242 },
  { name: 'one that wrote while nobody was seen', looks: [{ file: line }], pid: 4242 },
  { name: 'one that was killed in the middle of writing', before: '', looks: [{}, {}], pid: 0 },
  { name: 'one that began to write after a look', looks: [{ file: '' }, { isSeen: true }], pid: 4242 },
  {
    name: 'one that wrote in two steps, each after a look',
    looks: [{ file: '' }, { file: line }],
    pid: 4242,
  },
]
for (const { name, before, looks, pid } of rows)
  test(`${name}`, async (t: TestContext) => {
    const stateDir = mkdtempSync(join(tmpdir(), 'sampan-parent-'))
    t.after(() => rmSync(stateDir, { recursive: true }))
    const write = (text: string) => writeFileSync(recordFile(stateDir, 'pid'), text)
    if (before !== undefined) write(before)
    const rest = [...looks]
    const fresh = async (): Promise<readonly MarkedProcess[]> => {
      const look = rest.shift()
      assert.ok(look, 'one look more than expected')
      if (look.file !== undefined) write(look.file)
      return look.isSeen ? [{ ...seen, mark: undefined, stateDir }] : []
    }
    const found = await findParent(stateDir, { fresh })
    assert.equal(found?.pid, pid)
    assert.equal(rest.length, 0)
  })
