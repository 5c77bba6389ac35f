import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { after, test } from 'node:test'
import { realClock } from '../../base/clock.ts'
import { createProcessTable } from './process-table.ts'

const started: ChildProcess[] = []
after(() => {
  for (const child of started) child.kill('SIGKILL')
})

/** Sleeps with this in its environment. */
async function sleeper(stateDir: string, uid?: number): Promise<number> {
  const env = { SAMPAN_WORKLOAD: 'web', SAMPAN_STATE_DIR: stateDir }
  const options = { env, stdio: 'ignore', ...(uid !== undefined && { uid, gid: uid }) } as const
  const child = spawn('/bin/sleep', ['60'], options)
  started.push(child)
  await once(child, 'spawn')
  return child.pid ?? 0
}

const skip = process.getuid?.() === 0 ? false : 'only root can start processes of another user'

test('a process of another user does not pass for the parent of a workload', { skip }, async () => {
  const [own, other] = [await sleeper('/state/1'), await sleeper('/state/1', 65_534)]
  const processes = await createProcessTable(realClock).fresh()
  const found = (pid: number) => processes.find((process) => process.pid === pid)
  assert.deepEqual([found(own)?.mark, found(own)?.stateDir], ['web', '/state/1'])
  assert.deepEqual([found(other)?.mark, found(other)?.stateDir], ['web', undefined])
})
