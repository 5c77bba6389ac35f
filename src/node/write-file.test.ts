import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { writeFileAtomic } from './write-file.ts'

test('two processes that write one file at once both succeed; a reader sees whole texts only', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sampan-write-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'record.json')
  await writeFileAtomic(path, '"0"')
  const script = (letter: string) => `
    import { writeFileAtomic } from ${JSON.stringify(join(import.meta.dirname, 'write-file.ts'))}
    for (let i = 0; i < 100; i++) await writeFileAtomic(${JSON.stringify(path)}, JSON.stringify('${letter}'.repeat(i * 50)))`
  const writers = ['a', 'b'].map((letter) =>
    spawn(process.execPath, ['--input-type=module', '-e', script(letter)], {
      stdio: ['ignore', 'ignore', 'inherit'],
    }),
  )
  const ends = Promise.all(writers.map((writer) => once(writer, 'exit')))
  let isOver = false
  void ends.then(() => (isOver = true))
  while (!isOver) {
    assert.match(String(JSON.parse(readFileSync(path, 'utf8'))), /^(0|a*|b*)$/)
    await new Promise((resolve) => setImmediate(resolve))
  }
  assert.deepEqual(
    (await ends).map(([code]) => code),
    [0, 0],
  )
  assert.deepEqual(readdirSync(folder), ['record.json'])
  assert.equal(statSync(path).mode & 0o777, 0o600)
})
