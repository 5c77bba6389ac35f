/** Debian's Python client against a whole Sampan: CRUD, patch, watch, logs, exec. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { openCluster, root } from '../support/cluster.ts'
import { pod, yaml } from '../support/manifests.ts'
import { isMissing } from '../support/needs.ts'

test("Python's client", async (t) => {
  if (isMissing(t, 'python3-kubernetes', "judging the API by Python's client")) return
  await using cluster = await openCluster()
  cluster.ok('apply -f -', { input: yaml(pod('ticker', 'logger', { env: { LINGER: '1' } })) })
  cluster.ok('wait --for=condition=Ready pod/ticker --timeout=60s')
  const script = join(root, 'tests', 'testdata', 'client.py')
  // Debian's own interpreter: another one has no Debian packages.
  const { stdout } = await promisify(execFile)('/usr/bin/python3', [script, cluster.kubeconfig, 'ticker'], {
    timeout: 60_000,
  })
  assert.equal(stdout, 'fine\n')
})
