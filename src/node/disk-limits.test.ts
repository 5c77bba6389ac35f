import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import type { Pod } from '../api/schema/types.gen.ts'
import { diskExcess, diskLeft, hasDiskLimits } from './disk-limits.ts'
import { createDiskUsage } from './disk-usage.ts'

const mebi = 1024 ** 2
const storage = 'ephemeral-storage'

function podOf(limits: readonly (string | undefined)[], sizeLimit?: string): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p', uid: 'u' },
    spec: {
      containers: limits.map((limit, n) => ({
        name: `c${n}`,
        ...(limit !== undefined && { resources: { limits: { [storage]: limit } } }),
      })),
      volumes: [{ name: 'v', emptyDir: sizeLimit === undefined ? {} : { sizeLimit } }],
    },
  }
}

const rows: readonly {
  readonly name: string
  readonly pod: Pod
  readonly totalMi: number
  readonly volumeMi?: number
  readonly containersMi?: readonly number[]
  readonly message?: string
  /** In MiB. */
  readonly left?: number
}[] = [
  { name: 'no limit', pod: podOf([undefined]), totalMi: 1e6, left: Infinity },
  { name: 'within', pod: podOf(['64Mi'], '10Mi'), totalMi: 62, volumeMi: 7, containersMi: [5], left: 2 },
  {
    name: 'a volume',
    pod: podOf(['64Mi'], '10Mi'),
    totalMi: 65,
    volumeMi: 11,
    message: 'Usage of EmptyDir volume "v" exceeds the limit "10Mi". ',
  },
  {
    name: 'all together',
    pod: podOf(['64Mi', '64Mi']),
    totalMi: 129,
    message: 'Pod ephemeral local storage usage exceeds the total limit of containers 128Mi. ',
  },
  {
    name: 'one container beside one with more',
    pod: podOf(['64Mi', '1Gi']),
    totalMi: 100,
    containersMi: [65, 1],
    message: 'Container c0 exceeded its local ephemeral storage limit "64Mi". ',
  },
]
for (const { name, pod, totalMi, volumeMi = 0, containersMi = [], message, left = 0 } of rows)
  test(`limits: ${name}`, () => {
    const disk = {
      totalBytes: totalMi * mebi,
      volumes: new Map([['v', volumeMi * mebi]]),
      containers: new Map(containersMi.map((size, n) => [`c${n}`, size * mebi])),
    }
    assert.equal(diskExcess(pod, disk), message)
    assert.equal(diskLeft(pod, disk), left * mebi)
    assert.equal(hasDiskLimits(pod), name !== 'no limit')
  })

test('what a pod has on the disk is counted where it lies', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'sampan-usage-'))
  t.after(() => rm(folder, { recursive: true }))
  const [dataDir, memoryDir] = [join(folder, 'data'), join(folder, 'memory')]
  const sizesMi = {
    'home/a': 1,
    'volumes/v/b': 2,
    'log/c0/1.0.log': 3,
    'raw/c0/1/stdout': 4,
    'tmp/c1/1/x': 5,
  }
  for (const [path, size] of Object.entries(sizesMi)) {
    const file = join(dataDir, 'pods', 'u', path)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, Buffer.alloc(size * mebi, 1))
  }
  const usage = createDiskUsage({
    dataDir,
    memoryDir,
    unlinked: async (uid) => new Map(uid === 'u' ? [['c1', 6 * mebi]] : []),
  })
  const pod = podOf(['1Gi', undefined])
  const other = { ...pod, metadata: { name: 'other', uid: 'nothing-there' } }
  const found = await usage.measure([pod, other], new AbortController().signal)
  const inMi = (bytes: number | undefined) => Math.floor((bytes ?? NaN) / mebi)
  const disk = found.get('u')
  assert.equal(inMi(disk?.totalBytes), 21)
  assert.equal(inMi(disk?.volumes.get('v')), 2)
  assert.deepEqual(
    ['c0', 'c1'].map((name) => inMi(disk?.containers.get(name))),
    [7, 11],
  )
  assert.equal(found.get('nothing-there')?.totalBytes, 0)
})
