/** A claim from `kubectl apply` to its removal: what an app has written to it is there after a rollout. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { openCluster, until } from '../support/cluster.ts'
import { image, yaml } from '../support/manifests.ts'

const claim = {
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name: 'files' },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '10Mi' } } },
}
const pod = (name: string, command: string) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: {
    restartPolicy: 'Never',
    terminationGracePeriodSeconds: 1,
    containers: [
      {
        name: 'c',
        image: image('hello'),
        command: ['sh', '-c', command],
        volumeMounts: [{ name: 'files', mountPath: '/files' }],
      },
    ],
    volumes: [{ name: 'files', persistentVolumeClaim: { claimName: 'files' } }],
  },
})

test('a claim keeps what pods write, and goes with its data', { timeout: 180_000 }, async () => {
  await using cluster = await openCluster()
  await until('the class', () =>
    cluster.ok('get storageclass').includes('local (default)') ? true : undefined,
  )
  cluster.ok('apply -f -', { input: yaml(claim) })
  await until('it waits for a pod', () =>
    cluster.ok('describe pvc files').includes('waiting for first consumer') ? true : undefined,
  )
  cluster.ok('apply -f -', { input: yaml(pod('writer', 'echo kept > /files/note')) })
  cluster.ok('wait --for=jsonpath={.status.phase}=Succeeded pod/writer --timeout=60s')
  assert.match(cluster.ok('get pvc files --no-headers'), /^files +Bound +pvc-\S+ +10Mi +RWO +local /)
  assert.match(
    cluster.ok('get pv --no-headers'),
    /^pvc-\S+ +10Mi +RWO +Delete +Bound +default\/files +local /,
  )
  cluster.ok('delete pod writer')
  cluster.ok('apply -f -', { input: yaml(pod('reader', 'cat /files/note; sleep 600')) })
  await until('the note', () => (cluster.kubectl('logs reader').stdout === 'kept\n' ? true : undefined))

  cluster.ok('delete pvc files --wait=false')
  assert.match(cluster.ok('get pvc files --no-headers'), /^files +Terminating /, 'a pod uses it')
  cluster.ok('delete pod reader')
  await until('the claim is gone', () => (cluster.kubectl('get pvc files').code === 0 ? undefined : true))
  await until('its volume is gone', () => (cluster.ok('get pv') === '' ? true : undefined))
  const disks = join(cluster.dataDir, 'node', 'disks')
  await until('its folder is gone', () =>
    existsSync(disks) && readdirSync(disks).length === 0 ? true : undefined,
  )
})
