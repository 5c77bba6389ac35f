import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { Pod } from '../api/schema/types.gen.ts'
import { realClock } from '../base/clock.ts'
import { createLogger, silentLogger } from '../base/logger.ts'
import { clearFolders, podPaths, readPodRecords, writePodRecord } from './pod-records.ts'

const above = mkdtempSync(join(tmpdir(), 'sampan-records-'))
after(() => rmSync(above, { recursive: true }))

const podOf = (uid: string): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: uid, namespace: 'default', uid },
  spec: { containers: [{ name: 'app', image: 'dir:/app' }] },
})
const recordOf = (uid: string) => ({ pod: podOf(uid), index: 4, startTime: '2026-01-01T00:00:00Z' })

const strange = {
  'no object': '7',
  nothing: 'null',
  empty: '{}',
  'without a pod': '{"index":1,"startTime":""}',
  'a pod without metadata': JSON.stringify({ ...recordOf('x'), pod: { spec: { containers: [] } } }),
  'without an address': JSON.stringify({ ...recordOf('without an address'), index: 'first' }),
  "another's": JSON.stringify(recordOf('elsewhere')),
}

test('a pod whose record is none of an agent keeps no agent from starting: it is set aside, and named', async () => {
  const dataDir = join(above, 'strange')
  const lines: string[] = []
  const logger = createLogger({ clock: realClock, level: 'info', write: (line) => lines.push(line) })
  await writePodRecord(podPaths(dataDir, 'whole'), recordOf('whole'))
  mkdirSync(podPaths(dataDir, 'begun').root)
  mkdirSync(podPaths(dataDir, 'cut').root)
  writeFileSync(join(podPaths(dataDir, 'cut').root, 'pod.json'), '{"pod":')
  for (const [uid, text] of Object.entries(strange)) {
    mkdirSync(podPaths(dataDir, uid).root)
    writeFileSync(join(podPaths(dataDir, uid).root, 'pod.json'), text)
  }
  const found = await readPodRecords(dataDir)
  assert.deepEqual(
    found.records.map(({ pod }) => pod.metadata.uid),
    ['whole'],
  )
  assert.deepEqual(found.unfinished.toSorted(), ['begun', 'cut'])
  await clearFolders(dataDir, found, logger)
  assert.deepEqual(readdirSync(join(dataDir, 'pods')), ['whole'])
  for (const [uid, text] of Object.entries(strange)) {
    assert.equal(readFileSync(join(dataDir, 'set-aside', uid, 'pod.json'), 'utf8'), text)
    assert.ok(
      lines.some((line) => line.includes('set aside') && line.includes(uid)),
      uid,
    )
  }
})

test('only so many folders are set aside', async () => {
  const dataDir = join(above, 'many')
  const uids = Array.from({ length: 20 }, (_, index) => `pod-${index}`)
  for (const uid of uids) mkdirSync(podPaths(dataDir, uid).root, { recursive: true })

  await clearFolders(dataDir, { strange: uids, unfinished: [] }, silentLogger)
  assert.equal(readdirSync(join(dataDir, 'set-aside')).length, 16)
  assert.deepEqual(readdirSync(join(dataDir, 'pods')), [])
  assert.ok(!existsSync(join(dataDir, 'set-aside', 'pod-19')))
})
