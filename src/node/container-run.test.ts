import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { realClock as clock } from '../base/clock.ts'
import { silentLogger as logger } from '../base/logger.ts'
import { openFakeRuntime } from '../runtime/fake/fake-runtime.ts'
import { openContainerRun } from './container-run.ts'
import type { NodeContext } from './context.ts'
import { defaultLogLimits as logLimits } from './log-files.ts'
import { podPaths, writeContainerRecord } from './pod-records.ts'

test('of ended attempts nothing stays but of the last', async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'sampan-run-'))
  t.after(() => rm(dataDir, { recursive: true }))
  const paths = podPaths(dataDir, 'uid')
  const exit = { code: 1, signal: 0, reason: 'Error', finishedAt: '2026-01-01T00:00:01Z' }
  const attemptOf = (attempt: number) => ({
    attempt,
    id: `uid_c_${attempt}`,
    startedAt: '2026-01-01T00:00:00Z',
    exit,
  })
  await writeContainerRecord(paths, 'c', {
    attempts: 3,
    restartCount: 2,
    current: attemptOf(3),
    previous: attemptOf(2),
  })
  const kinds = ['containers', 'raw', 'tmp', 'mounts']
  const folderOf = (kind: string) => join(paths.root, kind, 'c')
  for (const kind of kinds)
    for (const attempt of ['1', '2', '3'])
      await mkdir(join(folderOf(kind), attempt, 'deep'), { recursive: true })
  const context = { runtime: openFakeRuntime({ clock }), clock, logger, logLimits, onDiskFull() {} }
  await using run = await openContainerRun({
    context: context as unknown as NodeContext, // all that a run asks of it
    paths,
    podUid: 'uid',
    name: 'c',
    onExit() {},
  })
  const launch = { argv: ['/bin/true'], cwd: '/', env: {}, address: '127.64.0.1', node: false }
  await run.start({ ...launch, imageID: 'dir:/nowhere', packages: [] })
  for (const kind of kinds) {
    const left = (await readdir(folderOf(kind))).filter((name) => /^\d+$/.test(name))
    assert.deepEqual(
      left.filter((name) => name !== '4'),
      ['3'],
      kind,
    )
  }
})
