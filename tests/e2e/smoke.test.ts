/**
 * One Sampan that runs one app. It goes before all other files: without it they need not begin. And what V8 has made of the sources is
 * kept, so that the many that start at once after it need not compile them.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openCluster } from '../support/cluster.ts'
import { deployment, yaml } from '../support/manifests.ts'

test('an app starts, runs and ends', async () => {
  await using cluster = await openCluster()
  cluster.ok('apply -f -', { input: yaml(deployment({ name: 'hello' })) })
  cluster.ok('rollout status deployment/hello --timeout=60s')
  assert.match(cluster.ok('logs deployment/hello'), /listening on 3000/)
  cluster.ok('delete deployment hello --cascade=foreground --timeout=60s')
})
