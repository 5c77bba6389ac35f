/** A full disk: writes are refused with a reason, apps and reads go on, and all recovers by itself once there is room. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openCluster, until } from '../support/cluster.ts'
import { ask } from '../support/http.ts'
import { configMap, deployment, ingress, service, yaml } from '../support/manifests.ts'

/** Enough for a cluster at rest. */
const diskBytes = 48 * 1024 * 1024

test('a full disk', async (t) => {
  if (process.getuid?.() !== 0) return t.skip('mounting a small disk needs root')
  const dataDir = mkdtempSync(join(tmpdir(), 'sampan-disk-'))
  run('mount', '-t', 'tmpfs', '-o', `size=${diskBytes}`, 'tmpfs', dataDir)
  t.after(() => {
    run('umount', dataDir)
    rmSync(dataDir, { recursive: true })
  })
  // Otherwise a node takes no pods for five minutes after its disk was full.
  await using cluster = await openCluster({ dataDir, env: { SAMPAN_PRESSURE_TRANSITION: '2s' } })
  const web = [deployment({ name: 'web', replicas: 2 }), service('web'), ingress('web', 'web.localhost')]
  cluster.ok('apply -f -', { input: yaml(...web, configMap('before', { a: '1' })) })
  cluster.ok('rollout status deployment/web --timeout=60s')
  const get = () => ask(cluster.gatewayUrl, { host: 'web.localhost' })
  await until('it answers', async () => ((await get()).status === 200 ? true : undefined))
  const pids = cluster.ok(
    'get pods -l app=web -o jsonpath={.items[*].status.containerStatuses[0].containerID}',
  )

  const fill = join(dataDir, 'fill')
  mkdirSync(fill)
  fillUp(join(fill, 'file'))
  // The log of the database may have room left inside: write until it hasn't.
  const accepted: string[] = []
  const refusal = await until('a write is refused', () => {
    const name = `big-${accepted.length}`
    const outcome = cluster.kubectl('create -f -', {
      input: yaml(configMap(name, { a: 'x'.repeat(900_000) })),
    })
    if (outcome.code !== 0) return outcome
    accepted.push(name)
    return undefined
  })
  assert.equal(refusal.code, 1)
  assert.match(
    refusal.stderr,
    /^Error from server \(ServiceUnavailable\): error when creating "STDIN": the disk of the store is full: nothing was written; free some space or delete objects, then try again\n$/,
  )
  assert.equal(cluster.kubectl(`get cm big-${accepted.length}`).code, 1, 'what was refused is not there')
  for (const name of [...accepted, 'before']) cluster.ok(`get cm ${name} -o name`)
  for (let i = 0; i < 20; i++) assert.equal((await get()).status, 200, 'the app goes on')
  assert.match(cluster.ok('get --raw /livez'), /^ok/)

  rmSync(fill, { recursive: true })
  await until('writes are taken again', () =>
    cluster.kubectl('apply -f -', { input: yaml(configMap('after', { a: '1' })) }).code === 0
      ? true
      : undefined,
  )
  cluster.ok('wait --for=condition=Ready node/node-1 --timeout=60s')
  cluster.ok('scale deployment/web --replicas=3')
  cluster.ok('rollout status deployment/web --timeout=60s')
  const after = cluster.ok(
    'get pods -l app=web -o jsonpath={.items[*].status.containerStatuses[0].containerID}',
  )
  for (const pid of pids.split(' ')) assert.ok(after.includes(pid), `${pid} was never restarted: ${after}`)

  await cluster.stop()
  await cluster.start()
  for (const name of [...accepted, 'before', 'after']) cluster.ok(`get cm ${name} -o name`)
  assert.equal((await get()).status, 200)
})

/** Writes zeros until not one page is free. */
function fillUp(file: string): void {
  const fd = openSync(file, 'w')
  try {
    for (let chunk = 1024 * 1024; chunk >= 4096;) {
      try {
        if (writeSync(fd, Buffer.alloc(chunk)) < chunk) chunk /= 2
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error
        chunk /= 2
      }
    }
  } finally {
    closeSync(fd)
  }
}

function run(command: string, ...args: readonly string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' })
  assert.equal(status, 0, `${command} ${args.join(' ')}: ${stderr}`)
}
