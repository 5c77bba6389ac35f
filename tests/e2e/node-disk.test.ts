/** What a node keeps on its disk, on one of 384 MB: bombs are stopped before others feel them, and logs outlive their pods. */
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { before, after, test } from 'node:test'
import { openCluster, root, runSampan, until, type Cluster } from '../support/cluster.ts'
import { deployment, image, yaml } from '../support/manifests.ts'

const isRoot = process.getuid?.() === 0
const skip = isRoot ? false : 'mounting a small disk needs root'
const mebi = 1024 ** 2
const diskMi = 384
let dataDir = ''
let cluster: Cluster
before(async () => {
  if (!isRoot) return
  dataDir = mkdtempSync(join(tmpdir(), 'sampan-node-disk-'))
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${diskMi}m`, 'tmpfs', dataDir])
  cluster = await openCluster({
    dataDir,
    env: { SAMPAN_LOG_MAX_SIZE: '1Mi', SAMPAN_PRESSURE_TRANSITION: '3s' },
  })
  cluster.ok('apply -f -', { input: yaml(deployment({ name: 'web', replicas: 1 })) })
  cluster.ok('rollout status deployment/web --timeout=60s')
})
after(async () => {
  if (!isRoot) return
  await cluster[Symbol.asyncDispose]()
  execFileSync('umount', [dataDir])
  rmSync(dataDir, { recursive: true })
})

const pod = (name: string, program: string, { limits = {}, sizeLimit = '' } = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: {
    terminationGracePeriodSeconds: 1,
    containers: [
      {
        name: 'c',
        image: image('hello'),
        command: ['node', '--eval', program],
        resources: { limits },
        ...(sizeLimit !== '' && { volumeMounts: [{ name: 'scratch', mountPath: '/scratch' }] }),
      },
    ],
    ...(sizeLimit !== '' && { volumes: [{ name: 'scratch', emptyDir: { sizeLimit } }] }),
  },
})

const begin = (...pods: readonly object[]) => cluster.ok('apply -f -', { input: yaml(...pods) })
const statusOf = (name: string) =>
  JSON.parse(cluster.ok(`get pod ${name} -o jsonpath={.status}`)) as {
    readonly phase: string
    readonly reason?: string
    readonly message?: string
    readonly conditions: readonly { readonly type: string; readonly reason?: string }[]
  }
const evicted = (name: string) =>
  until(`${name} is evicted`, () => {
    const status = statusOf(name)
    return status.phase === 'Failed' ? status : undefined
  })
const freeMi = () => {
  const { bavail, bsize } = statfsSync(dataDir)
  return (bavail * bsize) / mebi
}
const restartsOfWeb = () =>
  cluster.ok('get pods -l app=web -o jsonpath={.items[*].status.containerStatuses[0].containerID}')

/** Writes without end, as fast as it can, and takes no error for an answer. */
const writeTo = (folder: string, mi: number) => `
  const fs = require('node:fs'), piece = Buffer.alloc(${mebi}, 1), fd = fs.openSync(${folder} + '/bomb', 'w')
  let written = 0
  const go = () => { try { if (written < ${mi}) { fs.writeSync(fd, piece); written++ } } catch { /* the disk is full: again, until it is stopped */ } setImmediate(go) }
  go()`

test('a pod that exceeds a limit of its own is evicted', { skip }, async () => {
  begin(
    pod('volume', writeTo(`'/scratch'`, 24), { sizeLimit: '8Mi' }),
    pod('limited', writeTo('process.env.HOME', 40), { limits: { 'ephemeral-storage': '16Mi' } }),
    pod('modest', writeTo('process.env.HOME', 8), { limits: { 'ephemeral-storage': '16Mi' } }),
  )
  const volume = await evicted('volume')
  assert.equal(volume.reason, 'Evicted')
  assert.equal(volume.message, 'Usage of EmptyDir volume "scratch" exceeds the limit "8Mi". ')
  const limited = await evicted('limited')
  assert.equal(limited.reason, 'Evicted')
  assert.equal(
    limited.message,
    'Pod ephemeral local storage usage exceeds the total limit of containers 16Mi. ',
  )
  await until('the event', () =>
    cluster.ok('get events --field-selector reason=Evicted').includes('pod/volume') ? true : undefined,
  )
  assert.equal(statusOf('modest').phase, 'Running')
  await until('their files are gone', () => (freeMi() > diskMi - 120 ? true : undefined))
  cluster.ok('delete pod volume limited modest')
})

test('a disk bomb without a limit is evicted alone, and the node recovers', { skip }, async () => {
  const ids = restartsOfWeb()
  begin(pod('bomb', writeTo('process.env.HOME', 1e6)))
  const bomb = await evicted('bomb')
  assert.equal(bomb.reason, 'Evicted')
  assert.match(
    bomb.message ?? '',
    /^The node was low on resource: ephemeral-storage\. Threshold quantity: \d+/,
  )
  assert.ok(
    bomb.conditions.some(
      ({ type, reason }) => type === 'DisruptionTarget' && reason === 'TerminationByKubelet',
    ),
  )
  await until('there is room again', () => (freeMi() > diskMi / 2 ? true : undefined))
  const taint = '{.spec.taints[?(@.key=="node.kubernetes.io/disk-pressure")].effect}'
  await until('no pods are sent here', () =>
    cluster.ok(['get', 'node', 'node-1', '-o', `jsonpath=${taint}`]) === 'NoSchedule' ? true : undefined,
  )
  cluster.ok('wait --for=condition=DiskPressure=false node/node-1 --timeout=60s')
  await until('pods are sent here again', () =>
    cluster.ok(['get', 'node', 'node-1', '-o', `jsonpath=${taint}`]) === '' ? true : undefined,
  )
  assert.equal(restartsOfWeb(), ids, 'nobody else was ended')
  cluster.ok('delete pod bomb')
})

test('a bomb without a name is found by what it holds open', { skip }, async () => {
  const bomb = `${writeTo('process.env.HOME', 1e6)}; fs.unlinkSync(process.env.HOME + '/bomb')`
  begin(pod('nameless', bomb))
  assert.equal((await evicted('nameless')).reason, 'Evicted')
  await until('there is room again', () => (freeMi() > diskMi / 2 ? true : undefined))
  cluster.ok('delete pod nameless')
  cluster.ok('wait --for=condition=DiskPressure=false node/node-1 --timeout=60s')
})

test('a log bomb keeps to its share, and others keep every line', { skip }, async () => {
  // More than the disk has, at 100 MB a second.
  const shout = `
    const fs = require('node:fs'), piece = ('x'.repeat(1023) + '\\n').repeat(1024)
    let n = 0
    const timer = setInterval(() => {
      if (n++ < 400) return fs.writeSync(1, piece)
      clearInterval(timer); console.log('done'); setInterval(() => {}, 1000)
    }, 10)`
  const count = `let n = 0; const timer = setInterval(() => { console.log('line ' + n++); if (n === 200) clearInterval(timer) }, 5)`
  begin(pod('quiet', `${count}; setInterval(() => {}, 1000)`), pod('loud', shout))
  const lowest = { mi: Infinity }
  await until('it has written all', () => {
    lowest.mi = Math.min(lowest.mi, freeMi())
    return cluster.kubectl('logs loud --tail=1').stdout === 'done\n' ? true : undefined
  })
  assert.ok(lowest.mi > diskMi / 2, `${lowest.mi} MiB were left at the least`)
  const kept = cluster.ok('logs loud').length / mebi
  assert.ok(kept > 1 && kept < 6, `${kept} MiB of its log are kept`)
  const lines = Array.from({ length: 200 }, (_, n) => `line ${n}\n`).join('')
  await until('the other has said all', () => (cluster.ok('logs quiet') === lines ? true : undefined))
  cluster.ok('delete pod loud quiet')
})

test(
  'logs are there after their pods, by pod and by app, in a range of time, streams apart',
  { skip },
  async () => {
    const talk = `console.log('out'); console.error('err'); setInterval(() => {}, 1000)`
    begin(pod('talker', talk))
    await until('it has spoken', () => (cluster.ok('logs talker').length === 8 ? true : undefined))
    const raw = (stream: string) =>
      cluster.kubectl(`get --raw /api/v1/namespaces/default/pods/talker/log?stream=${stream}`)
    assert.equal(raw('Stdout').stdout, 'out\n')
    assert.equal(raw('Stderr').stdout, 'err\n')
    assert.match(raw('Stderr&tailLines=1').stderr, /`tailLines` and specific `stream` are mutually exclusive/)
    await using following = follow('talker')
    await until('the follower has seen it', () =>
      following.output().includes('talker/c err') ? true : undefined,
    )
    const webPod = cluster.ok('get pods -l app=web -o jsonpath={.items[0].metadata.name}')
    cluster.ok('delete pod talker')
    cluster.ok(`delete pod ${webPod}`)
    const logs = (...args: readonly string[]) =>
      runSampan(['logs', ...args, '--kubeconfig', cluster.kubeconfig])
    assert.match(logs('talker').stdout, /^\S+Z talker\/c out\n\S+Z talker\/c err\n$/)
    assert.match(logs('talker', '--stream', 'stderr').stdout, /^\S+Z talker\/c err\n$/)
    const [line = ''] = logs('talker', '-o', 'json').stdout.split('\n')
    const { time, ...said } = JSON.parse(line) as Record<string, unknown>
    assert.deepEqual(said, { pod: 'talker', container: 'c', attempt: 1, stream: 'stdout', message: 'out' })
    assert.equal(logs('talker', '--until', String(time)).stdout, '')
    assert.ok(logs('web').stdout.includes(webPod), 'the app knows its former pods')
    assert.equal(logs('deployment/web', '--tail', '1').stdout.split('\n').length, 2)
    assert.match(logs('pod/web').stderr, /^sampan: there are no logs of web in the namespace default: /)
    cluster.ok('create role reader --verb=get --resource=pods/log --resource-name=web')
    cluster.ok('create rolebinding reader --role=reader --user=eve')
    const ofPod = cluster.ok('get --raw /api/v1/namespaces/default/pods/web/log?history=true --as=eve')
    assert.equal(ofPod, '', 'who may read a pod of that name may not read an app of that name')
    begin({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'ghost' } })
    assert.match(logs('talker').stderr, /logs on node ghost are missing: node "ghost" can't be reached/)
    cluster.ok('delete node ghost')
    begin(pod('talker', talk))
    await until('who follows sees the next of that name', () =>
      following.output().match(/talker\/c out/g)?.length === 2 ? true : undefined,
    )
  },
)

function follow(name: string) {
  const args = [join(root, 'bin', 'sampan'), 'logs', name, '-f', '--kubeconfig', cluster.kubeconfig]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.on('data', (chunk) => (output += String(chunk)))
  return {
    output: () => output,
    async [Symbol.asyncDispose]() {
      const ended = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGTERM')
      await ended
    },
  }
}
