import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Begin } from './messages.ts'

/** A process of Sampan whose start waits for ever, as for a server that doesn't come. */
const waiting = `
import { runProcess } from ${JSON.stringify(new URL('./process.ts', import.meta.url).href)}
await runProcess({ name: 'waiting', start: () => new Promise(() => {
  setInterval(() => {}, 1e6)
  process.send('started')
}) })
`

for (const [how, end] of [
  ['its supervisor is gone', (child: ReturnType<typeof spawn>) => child.disconnect()],
  ['it is told to', (child: ReturnType<typeof spawn>) => child.kill('SIGTERM')],
] as const) {
  test(`a process that is still starting ends when ${how}`, { timeout: 30_000 }, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'sampan-process-'))
    t.after(() => rmSync(folder, { recursive: true, force: true }))
    mkdirSync(join(folder, 'logs'))
    const child = spawn(process.execPath, ['--input-type=module', '-e', waiting], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    t.after(() => child.kill('SIGKILL'))
    child.send({ type: 'begin', dataDir: folder } as Begin)
    await once(child, 'message')
    end(child)
    assert.deepEqual(await once(child, 'exit'), [0, null])
  })
}
