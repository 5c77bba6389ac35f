import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { encodeBackup, type BackupEntry } from '../store/backup/backup-format.ts'
import { dataDir } from './data-dir.ts'
import { verifyBackup } from './backup-verify.ts'

const folder = mkdtempSync(join(tmpdir(), 'sampan-verify-'))
after(() => rmSync(folder, { recursive: true }))
const MiB = 1024 * 1024

const entry = (key: string, object: object): BackupEntry => ({
  key,
  value: Buffer.from(JSON.stringify(object)),
})

const configMap = (name: string, sizeBytes = 0): BackupEntry =>
  entry(`/registry/core/configmaps/default/${name}`, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace: 'default', uid: name, creationTimestamp: '2026-01-01T00:00:00Z' },
    data: { text: 'x'.repeat(sizeBytes) },
  })

const definition = entry('/registry/apiextensions.k8s.io/customresourcedefinitions/zebras.zoo.example.com', {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'zebras.zoo.example.com', uid: 'd', creationTimestamp: '2026-01-01T00:00:00Z' },
  spec: {
    group: 'zoo.example.com',
    names: { kind: 'Zebra', listKind: 'ZebraList', plural: 'zebras', singular: 'zebra' },
    scope: 'Namespaced',
    conversion: { strategy: 'None' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
  status: {
    acceptedNames: { kind: 'Zebra', listKind: 'ZebraList', plural: 'zebras', singular: 'zebra' },
    conditions: [
      { type: 'NamesAccepted', status: 'True', reason: 'NoConflicts', message: '', lastTransitionTime: null },
      {
        type: 'Established',
        status: 'True',
        reason: 'InitialNamesAccepted',
        message: '',
        lastTransitionTime: null,
      },
    ],
    storedVersions: ['v1'],
  },
})

const zebra = (name: string): BackupEntry =>
  entry(`/registry/zoo.example.com/zebras/default/${name}`, {
    apiVersion: 'zoo.example.com/v1',
    kind: 'Zebra',
    metadata: {
      name,
      namespace: 'default',
      uid: name,
      creationTimestamp: '2026-01-01T00:00:00Z',
      generation: 1,
    },
    spec: { stripes: 80 },
  })

let count = 0
async function backupOf(entries: Iterable<BackupEntry>): Promise<string> {
  const file = join(folder, `${++count}.backup`)
  async function* each() {
    yield* entries
  }
  const header = { format: 1, createdAt: '2026-01-01T00:00:00Z', revision: 7, version: 'test' } as const
  await writeFile(file, encodeBackup(header, each()))
  return file
}

async function verify(file: string): Promise<string> {
  const lines: string[] = []
  await verifyBackup(file, dataDir(join(folder, 'none')), (line) => lines.push(line))
  return lines.join('\n')
}

interface Taken {
  /** What the process took at most. */
  readonly rssMiB: number
  /** What it held at most, garbage aside, beyond what it began with; looked at again and again. */
  readonly heldMiB: number
}

/** Of a verification in a process of its own. */
function takenBy(file: string): Taken {
  const script = `
    import { verifyBackup } from ${JSON.stringify(join(import.meta.dirname, 'backup-verify.ts'))}
    import { dataDir } from ${JSON.stringify(join(import.meta.dirname, 'data-dir.ts'))}
    const held = () => {
      gc()
      const { arrayBuffers, heapUsed } = process.memoryUsage()
      return arrayBuffers + heapUsed
    }
    const before = held()
    let [most, turns] = [before, 0]
    const look = () => {
      if (++turns % 50 === 0) most = Math.max(most, held())
      setImmediate(look).unref()
    }
    look()
    await verifyBackup(${JSON.stringify(file)}, dataDir(${JSON.stringify(join(folder, 'none'))}), () => {})
    const mib = (bytes) => bytes / 1024 / 1024
    console.log(JSON.stringify({ rssMiB: mib(process.resourceUsage().maxRSS * 1024), heldMiB: mib(most - before) }))`
  const args = ['--expose-gc', '--input-type=module', '-e', script]
  const { status, stderr, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  assert.equal(status, 0, stderr)
  return JSON.parse(stdout) as Taken
}

function* large(sizeBytes: number): Generator<BackupEntry> {
  const each = 64 * 1024
  for (let i = 0; i < sizeBytes / each; i++) yield configMap(`c${String(i).padStart(6, '0')}`, each)
}

test('what a verification holds is a part of the backup', async (t) => {
  const sizeMiB = 96
  const { heldMiB, rssMiB } = takenBy(await backupOf(large(sizeMiB * MiB)))
  t.diagnostic(
    `${sizeMiB} MiB: held ${heldMiB.toFixed()} MiB, took ${rssMiB.toFixed()} MiB with garbage and Node.js`,
  )
  assert(heldMiB < sizeMiB / 2)
})

test('objects of kinds that are defined in another part of the backup are served, too', async () => {
  const others = Array.from({ length: 12 }, (_, i) => configMap(`c${10 + i}`, MiB))
  const file = await backupOf([definition, ...others, zebra('one'), zebra('two')])
  assert.match(await verify(file), /15 objects came back as they were backed up/)
  const proof = JSON.parse(readFileSync(`${file}.proved.json`, 'utf8')) as { readonly objects: number }
  assert.equal(proof.objects, 15)
})

test('an entry that is there twice, one that is served differently, and a kind that nothing defines are named', async () => {
  const rows: readonly (readonly [entries: readonly BackupEntry[], says: RegExp])[] = [
    [
      [configMap('a'), configMap('a')],
      /"\/registry\/core\/configmaps\/default\/a" comes after .*not in order/,
    ],
    [
      [entry('/registry/core/configmaps/default/other', JSON.parse(String(configMap('a').value)) as object)],
      /not served|served differently/,
    ],
    [[zebra('one')], /zebras\/default\/one" is not served after a restore/],
  ]
  for (const [entries, says] of rows) {
    const file = await backupOf(entries)
    await assert.rejects(verify(file), says)
    assert(!existsSync(`${file}.proved.json`))
  }
})
