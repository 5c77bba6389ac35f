/** Volumes on a node's own disk: what is written stays when pods go, and goes with a volume whose policy says so. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { localVolumeFor } from '../../src/api/local-volumes.ts'
import { persistentVolumeClaims } from '../../src/api/resources/persistentvolumeclaims.ts'
import { persistentVolumes } from '../../src/api/resources/persistentvolumes.ts'
import type { PersistentVolume, PersistentVolumeClaim } from '../../src/api/schema/types.gen.ts'
import { silentLogger } from '../../src/base/logger.ts'
import { sweepDisks } from '../../src/node/local-disks.ts'
import { findMountSupport } from '../../src/node/mount-support.ts'
import { nodeName, openTestCluster, type TestCluster } from './harness.ts'

/** Adds a line to a file of its volume, and says what is in it. */
const keeper = `
const { appendFileSync, readFileSync } = require('node:fs')
appendFileSync('/data/file', process.env.HOSTNAME + '\\n')
process.stdout.write(readFileSync('/data/file', 'utf8'))
`

/** What the controllers do: a claim, bound to a volume on the node. */
async function bindClaim(
  { client }: TestCluster,
  name: string,
  reclaimPolicy: string,
): Promise<PersistentVolume> {
  const claims = client.resource<PersistentVolumeClaim>(persistentVolumeClaims)
  const claim = await claims.create({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name, namespace: 'default' },
    spec: {
      accessModes: ['ReadWriteOnce'],
      storageClassName: 'local',
      resources: { requests: { storage: '1Mi' } },
    },
  })
  const volumes = client.resource<PersistentVolume>(persistentVolumes)
  const volume = await volumes.create(localVolumeFor(claim, { node: nodeName, reclaimPolicy }))
  const named = await claims.update({
    ...claim,
    spec: { ...claim.spec, volumeName: volume.metadata.name ?? '' },
  })
  await claims.updateStatus({ ...named, status: { ...named.status, phase: 'Bound' } })
  return volume
}

test('what pods write to a claim outlives them, until the volume goes', { timeout: 60_000 }, async (t) => {
  if (!(await findMountSupport()).usable) return t.skip('this machine allows no mounts')
  await using cluster = await openTestCluster()
  await using _agent = await cluster.openAgent()
  const image = await cluster.app('keeper', keeper)
  const policies = { going: 'Delete', staying: 'Retain' }
  const volumes = new Map<string, PersistentVolume>()
  for (const [name, policy] of Object.entries(policies)) {
    await cluster.run(`${name}-1`, podSpec(image, name))
    volumes.set(name, await bindClaim(cluster, name, policy)) // the pod waits for it
    await cluster.until(`${name}-1`, ({ status }) => status?.phase === 'Succeeded')
    await cluster.remove(`${name}-1`)
    await cluster.run(`${name}-2`, podSpec(image, name))
    await cluster.until(`${name}-2`, ({ status }) => status?.phase === 'Succeeded')
    assert.equal(await cluster.logs(`${name}-2`), `${name}-1\n${name}-2\n`)
    await cluster.remove(`${name}-2`)
  }
  const dataDir = join(cluster.folder, 'node')
  const folderOf = (name: string) => join(dataDir, 'disks', volumes.get(name)?.metadata.name ?? '-')
  const { client } = cluster
  const sweep = () => sweepDisks({ client, dataDir, logger: silentLogger })
  await sweep()
  for (const name of Object.keys(policies))
    assert.equal(readFileSync(join(folderOf(name), 'file'), 'utf8'), `${name}-1\n${name}-2\n`)
  for (const { metadata } of volumes.values())
    await client.resource(persistentVolumes).delete(metadata.name ?? '', {})
  await sweep()
  assert.ok(!existsSync(folderOf('going')))
  assert.ok(existsSync(join(folderOf('staying'), 'file')))
})

const podSpec = (image: string, claimName: string) => ({
  restartPolicy: 'Never',
  containers: [{ name: 'c', image, volumeMounts: [{ name: 'v', mountPath: '/data' }] }],
  volumes: [{ name: 'v', persistentVolumeClaim: { claimName } }],
})
