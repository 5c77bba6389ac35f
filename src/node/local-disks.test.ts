import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { persistentVolumes } from '../api/resources/persistentvolumes.ts'
import { notFound } from '../api/status.ts'
import { silentLogger } from '../base/logger.ts'
import type { Client } from '../client/client.ts'
import { sweepDisks } from './local-disks.ts'

const { group, plural: resource } = persistentVolumes
const client = {
  resource: () => ({ get: () => Promise.reject(notFound({ group, resource }, 'gone')) }),
} as unknown as Client
const filesMany = 30
const rounds = 20

async function fill(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  for (let index = 0; index < filesMany; index++) await writeFile(join(folder, String(index)), '')
}

test('a pod that swaps folders for links while its volume is removed has nobody else’s files removed', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'sampan-disks-'))
  t.after(() => rm(root, { recursive: true }))
  const [others, disk] = [join(root, 'others'), join(root, 'disks', 'handle')]
  await fill(others)
  const swapping = 'echo; while :; do mv sub aside; ln -s "$1" sub; rm -f sub; mv aside sub; done 2>&-'
  for (let round = 0; round < rounds; round++) {
    await fill(join(disk, 'sub'))
    await writeFile(`${disk}.json`, JSON.stringify({ volume: 'gone', policy: 'Delete' }))
    const pod = spawn('sh', ['-c', swapping, 'sh', others], {
      cwd: disk,
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    await once(pod.stdout, 'data')
    // What comes back behind the removal is for the next look.
    await sweepDisks({ client, dataDir: root, logger: silentLogger }).catch(() => undefined)
    pod.kill('SIGKILL')
    await once(pod, 'close')
    await rm(disk, { recursive: true, force: true })
    assert.equal((await readdir(others)).length, filesMany, `round ${round}`)
  }
})
