import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, readlink, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { seededRandom } from '../base/ids.ts'
import type { Pod, Volume } from '../api/schema/types.gen.ts'
import { writeVolume } from './volume-files.ts'
import {
  planVolume,
  tokenReferences,
  volumeReferences,
  type VolumeFile,
  type VolumeInput,
} from './volumes.ts'

const base64 = (text: string) => Buffer.from(text).toString('base64')
const pod: Pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p', namespace: 'ns', labels: { app: 'web' } },
  spec: { containers: [{ name: 'c', resources: { limits: { cpu: '2' } } }] },
}
const input: VolumeInput = {
  pod,
  hostIP: '192.0.2.1',
  allocatable: {},
  tokens: new Map(),
  claims: new Map(),
  configMaps: new Map([
    [
      'cm',
      {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: {},
        data: { a: 'A', b: 'B' },
        binaryData: { raw: base64('\u0000') },
      },
    ],
    ['evil', { apiVersion: 'v1', kind: 'ConfigMap', metadata: {}, data: { '../up': 'x' } }],
  ]),
  secrets: new Map([
    ['s', { apiVersion: 'v1', kind: 'Secret', metadata: {}, data: { key: base64('hidden') } }],
  ]),
}

const shown = (volume: Omit<Volume, 'name'>): string => {
  const plan = planVolume({ name: 'v', ...volume }, input)
  if (plan.kind !== 'files') return plan.kind
  const files = [...plan.files].map(
    ([path, { content, mode }]) => `${path}=${Buffer.from(content).toString()}:${mode.toString(8)}`,
  )
  return [plan.inMemory ? 'memory' : 'disk', ...files.sort()].join(' ')
}

const rows: { name: string; volume: Omit<Volume, 'name'>; want: string }[] = [
  { name: 'configMap', volume: { configMap: { name: 'cm' } }, want: 'disk a=A:644 b=B:644 raw=\u0000:644' },
  {
    name: 'items and modes',
    volume: {
      configMap: {
        name: 'cm',
        defaultMode: 0o400,
        items: [
          { key: 'a', path: 'x/y' },
          { key: 'b', path: 'z', mode: 0o755 },
        ],
      },
    },
    want: 'disk x/y=A:400 z=B:755',
  },
  {
    name: 'a secret lies in memory',
    volume: { secret: { secretName: 's', defaultMode: 0o600 } },
    want: 'memory key=hidden:600',
  },
  {
    name: 'optional and missing',
    volume: { secret: { secretName: 'none', optional: true } },
    want: 'memory',
  },
  {
    name: 'optional and a key missing',
    volume: {
      configMap: {
        name: 'cm',
        optional: true,
        items: [
          { key: 'q', path: 'q' },
          { key: 'a', path: 'a' },
        ],
      },
    },
    want: 'disk a=A:644',
  },
  {
    name: 'downwardAPI',
    volume: {
      downwardAPI: {
        items: [
          { path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } },
          { path: 'cpu', resourceFieldRef: { containerName: 'c', resource: 'limits.cpu' } },
        ],
      },
    },
    want: 'disk cpu=2:644 labels=app="web":644',
  },
  {
    name: 'projected',
    volume: {
      projected: {
        defaultMode: 0o440,
        sources: [
          { configMap: { name: 'cm', items: [{ key: 'a', path: 'a' }] } },
          { secret: { name: 's' } },
          { downwardAPI: { items: [{ path: 'n', fieldRef: { fieldPath: 'metadata.name' } }] } },
        ],
      },
    },
    want: 'memory a=A:440 key=hidden:440 n=p:440',
  },
  { name: 'emptyDir', volume: { emptyDir: {} }, want: 'empty' },
]
for (const { name, volume, want } of rows) test(`volume: ${name}`, () => assert.equal(shown(volume), want))

const refusals: { name: string; volume: Omit<Volume, 'name'>; message: RegExp }[] = [
  {
    name: 'missing ConfigMap',
    volume: { configMap: { name: 'none' } },
    message: /^configmap "none" not found$/,
  },
  {
    name: 'missing Secret',
    volume: { secret: { secretName: 'none' } },
    message: /^secret "none" not found$/,
  },
  {
    name: 'missing key',
    volume: { configMap: { name: 'cm', items: [{ key: 'q', path: 'q' }] } },
    message: /^references non-existent configmap key: q/,
  },
  {
    name: 'a key that climbs out',
    volume: { configMap: { name: 'evil' } },
    message: /can't be a file of a volume/,
  },
  {
    name: 'a path that climbs out',
    volume: { configMap: { name: 'cm', items: [{ key: 'a', path: 'x/../../y' }] } },
    message: /can't be a file/,
  },
  { name: 'unknown source', volume: { nfs: { server: 'x', path: '/' } }, message: /nfs is not supported/ },
]
for (const { name, volume, message } of refusals)
  test(`volume refuses: ${name}`, () => assert.throws(() => shown(volume), { message }))

test('references name what must be fetched', () => {
  const volumes = [
    { name: 'a', configMap: { name: 'cm' } },
    { name: 'b', projected: { sources: [{ secret: { name: 's' } }] } },
  ]
  assert.deepEqual(volumeReferences({ ...pod, spec: { ...pod.spec, volumes } }), {
    configMaps: ['cm'],
    secrets: ['s'],
  })
})

let folder = ''
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sampan-volume-'))
})
after(() => rm(folder, { recursive: true, force: true }))

const files = (entries: Record<string, string>): ReadonlyMap<string, VolumeFile> =>
  new Map(Object.entries(entries).map(([path, text]) => [path, { content: Buffer.from(text), mode: 0o640 }]))

test('files appear and change by one rename, and nothing stale stays', async () => {
  const random = seededRandom(1)
  const path = join(folder, 'v')
  assert.equal(writeVolume(path, files({ a: '1', 'dir/b': '2' }), random), true)
  assert.equal(await readFile(join(path, 'a'), 'utf8'), '1')
  assert.equal(await readFile(join(path, 'dir/b'), 'utf8'), '2')
  assert.equal((await stat(join(path, 'a'))).mode & 0o777, 0o640)
  const first = await readlink(join(path, '..data'))
  assert.equal(writeVolume(path, files({ a: '1', 'dir/b': '2' }), random), false)
  assert.equal(await readlink(join(path, '..data')), first)
  assert.equal(writeVolume(path, files({ a: '3', c: '4' }), random), true)
  assert.equal(await readFile(join(path, 'a'), 'utf8'), '3')
  const names = await readdir(path)
  assert.deepEqual(names.filter((name) => !name.startsWith('..')).sort(), ['a', 'c'])
  assert.equal(names.filter((name) => name.startsWith('..')).length, 2)
})

test('a projected token lies in memory, beside what else is projected', () => {
  const wish = { path: 'token', expirationSeconds: 3_607 }
  const sources = [
    { serviceAccountToken: wish },
    { configMap: { name: 'cm', items: [{ key: 'a', path: 'ca.crt' }] } },
  ]
  const volume: Volume = { name: 'v', projected: { defaultMode: 0o644, sources } }
  const plan = planVolume(volume, { ...input, tokens: new Map([[wish, 'secret']]) })
  assert.ok(plan.kind === 'files' && plan.inMemory)
  const files = [...plan.files].map(([path, { content, mode }]) => [
    path,
    Buffer.from(content).toString(),
    mode,
  ])
  assert.deepEqual(files, [
    ['token', 'secret', 0o644],
    ['ca.crt', 'A', 0o644],
  ])
  assert.deepEqual(tokenReferences({ ...pod, spec: { ...pod.spec, volumes: [volume] } }), [wish])
})
