/** Pods as kubectl shows them: logs, failures, events, restarts, and nodes that are cordoned and drained. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { openCluster, until, type Cluster } from '../support/cluster.ts'
import { goldens } from '../support/golden.ts'
import { deployment, image, pod, yaml } from '../support/manifests.ts'

let cluster: Cluster
const golden = goldens('pods', () => cluster)
const folder = mkdtempSync(join(tmpdir(), 'sampan-pods-'))
const startFile = join(folder, 'start')

before(async () => {
  cluster = await openCluster()
  const once = { spec: { restartPolicy: 'Never' } }
  const input = yaml(
    pod('done', 'logger', once),
    pod('failed', 'crasher', once),
    pod('ticking', 'logger', { env: { LINGER: '1', LINES: '3' } }),
    pod('looping', 'crasher'),
    pod('slow', 'slow', {
      env: { START_FILE: startFile },
      spec: {
        containers: [
          {
            name: 'slow',
            image: image('slow'),
            env: [{ name: 'START_FILE', value: startFile }],
            readinessProbe: { tcpSocket: { port: 3000 }, periodSeconds: 1 },
          },
        ],
      },
    }),
    pod('two', 'logger', {
      spec: {
        ...once.spec,
        containers: [
          { name: 'first', image: image('logger'), env: [{ name: 'LINES', value: '1' }] },
          { name: 'second', image: image('logger'), env: [{ name: 'LINES', value: '2' }] },
        ],
      },
    }),
    pod('nowhere', 'hello', { spec: { nodeSelector: { sea: 'north' } } }),
    pod('hungry', 'hello', {
      spec: {
        containers: [{ name: 'hello', image: image('hello'), resources: { requests: { memory: '900Ti' } } }],
      },
    }),
    pod('unset', 'hello', {
      spec: {
        containers: [
          {
            name: 'hello',
            image: image('hello'),
            env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'absent', key: 'a' } } }],
          },
        ],
      },
    }),
    pod('no-entry', 'no-entry'),
    pod('no-folder', 'no-folder'),
    pod('foreign', 'hello', { spec: { containers: [{ name: 'nginx', image: 'nginx:1.27' }] } }),
  )
  cluster.ok('apply -f -', { input })
})
after(async () => {
  await cluster[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
})

const stateOf = (name: string) => cluster.ok(`get pod ${name} --no-headers`).split(/ +/)[2] ?? ''
const isIn = (name: string, ...states: readonly string[]) =>
  until(`${name} is ${states.join(' or ')}`, () => (states.includes(stateOf(name)) ? true : undefined))

test('logs of a pod that has ended', async () => {
  golden('wait-phase', 'wait --for=jsonpath={.status.phase}=Succeeded pod/done --timeout=60s')
  golden('get-completed', 'get pod done')
  golden('logs', 'logs done')
  golden('logs-tail', 'logs done --tail=2')
  golden('logs-timestamps', 'logs done --timestamps --tail=1')
  golden('logs-limit', 'logs done --limit-bytes=9')
  golden('logs-since', 'logs done --since=1h --tail=1')
  golden('logs-since-time', 'logs done --since-time=2100-01-01T00:00:00Z')
  golden('logs-follow-ended', 'logs -f done')
  golden('logs-prefix', 'logs done --prefix --tail=1')
})

test('logs of several containers and pods', async () => {
  cluster.ok('wait --for=jsonpath={.status.phase}=Succeeded pod/two --timeout=60s')
  golden('logs-default-container', 'logs two')
  golden('logs-container', 'logs two -c second')
  // kubectl asks for all at once and prints in no order.
  const lines = cluster.ok('logs two --all-containers --prefix').trimEnd().split('\n')
  assert.deepEqual(lines.toSorted(), [
    '[pod/two/first] line 1',
    '[pod/two/first] the last line',
    '[pod/two/second] line 1',
    '[pod/two/second] line 2',
    '[pod/two/second] the last line',
  ])
  golden('logs-missing-container', 'logs two -c third')
  golden('logs-selector', 'logs -l app=done --tail=1')
  golden('logs-selector-none', 'logs -l app=nobody')
  golden('logs-missing-pod', 'logs nobody')
  golden('logs-no-previous', 'logs done --previous')
  golden('logs-bad-tail', 'logs done --tail=-2')
})

test('logs -f prints what comes, until the pod goes', async () => {
  cluster.ok('wait --for=condition=Ready pod/ticking --timeout=60s')
  await using follow = cluster.follow('logs -f ticking')
  await until('it ticks', () => (/tick 3\n/.test(follow.stdout()) ? true : undefined))
  assert.match(follow.stdout(), /^line 1\nline 2\nline 3\n/)
  cluster.ok('delete pod ticking --now')
  const { code, stdout } = await follow.ended
  assert.equal(code, 0)
  const ticks = [...stdout.matchAll(/^tick (\d+)$/gm)].map(([, tick]) => Number(tick))
  assert.deepEqual(
    ticks,
    ticks.map((_, i) => i + 1),
    'each tick once and in order',
  )
})

test('a pod that starts late', async () => {
  await isIn('slow', 'Running')
  golden('get-not-ready', 'get pod slow')
  golden('logs-nothing-yet', 'logs slow')
  golden('wait-not-ready', 'wait --for=condition=Ready pod/slow --timeout=1s')
  await using ready = cluster.follow('wait --for=condition=Ready pod/slow --timeout=60s')
  writeFileSync(startFile, '')
  assert.equal((await ready.ended).code, 0)
  golden('get-ready', 'get pod slow')
  golden('logs-started', 'logs slow')
})

test('a pod that fails', async () => {
  await isIn('failed', 'Error')
  golden('get-failed', 'get pod failed')
  golden(
    'failed-state',
    'get pod failed -o jsonpath={.status.phase}{.status.containerStatuses[0].state.terminated.exitCode}{.status.containerStatuses[0].state.terminated.reason}',
  )
  golden('logs-failed', 'logs failed')
  golden('wait-failed-times-out', 'wait --for=condition=Ready pod/failed --timeout=1s')
})

test('a pod that fails again and again', async () => {
  await until('it has been restarted twice', () =>
    Number(cluster.ok('get pod looping -o jsonpath={.status.containerStatuses[0].restartCount}')) >= 2
      ? true
      : undefined,
  )
  await isIn('looping', 'CrashLoopBackOff')
  const row = cluster.ok('get pod looping --no-headers')
  assert.match(row, /^looping +0\/1 +CrashLoopBackOff +[23] \(\d+s ago\) +\d+s\n$/)
  golden('logs-previous', 'logs looping --previous')
  const described = cluster.ok('describe pod looping')
  assert.match(described, /Last State: +Terminated\n +Reason: +Error\n( +Message:[^]*)? +Exit Code: +3\n/)
  assert.match(described, /Warning +BackOff .*Back-off restarting failed container/)
  golden('looping-message', 'get pod looping -o jsonpath={.status.containerStatuses[0].state.waiting.reason}')
})

test('pods that cannot start say why', async () => {
  golden('get-nowhere', 'get pod nowhere')
  golden('nowhere-why', 'get pod nowhere -o jsonpath={.status.conditions[?(@.type=="PodScheduled")].message}')
  golden(
    'nowhere-event',
    'get events --field-selector involvedObject.name=nowhere,type=Warning -o jsonpath={.items[0].reason}',
  )
  golden('hungry-why', 'get pod hungry -o jsonpath={.status.conditions[?(@.type=="PodScheduled")].message}')
  golden('foreign-why', 'get pod foreign -o jsonpath={.status.conditions[?(@.type=="PodScheduled")].message}')
  golden('logs-not-scheduled', 'logs nowhere')
  await isIn('unset', 'CreateContainerConfigError')
  golden('unset-why', 'get pod unset -o jsonpath={.status.containerStatuses[0].state.waiting}')
  golden('logs-not-started', 'logs unset')
  cluster.ok(['create', 'configmap', 'absent', '--from-literal=a=now'])
  golden('unset-recovers', 'wait --for=condition=Ready pod/unset --timeout=60s')
  await isIn(
    'no-entry',
    'ErrImagePull',
    'ImagePullBackOff',
    'InvalidImageName',
    'CreateContainerError',
    'RunContainerError',
  )
  await isIn(
    'no-folder',
    'ErrImagePull',
    'ImagePullBackOff',
    'InvalidImageName',
    'CreateContainerError',
    'RunContainerError',
  )
  golden(
    'no-entry-events',
    'get events --field-selector involvedObject.name=no-entry,reason=Failed -o jsonpath={.items[0].message}',
  )
  golden(
    'no-folder-events',
    'get events --field-selector involvedObject.name=no-folder,reason=Failed -o jsonpath={.items[0].message}',
  )
})

test('a node is cordoned, drained and comes back', async () => {
  cluster.ok('delete pods --all --now')
  cluster.ok('apply -f -', { input: yaml(deployment({ name: 'web', replicas: 2 }), pod('bare', 'hello')) })
  cluster.ok('rollout status deployment/web --timeout=60s')
  golden('cordon', 'cordon node-1')
  golden('cordon-again', 'cordon node-1')
  golden('cordoned', 'get nodes')
  cluster.ok('scale deployment/web --replicas=3')
  const pending = await until(
    'the third waits',
    () => cluster.ok('get pods --field-selector status.phase=Pending -o name').trim() || undefined,
  )
  await until(
    'it is told why',
    () => cluster.ok(['describe', pending]).includes('were unschedulable') || undefined,
  )
  cluster.ok('scale deployment/web --replicas=2')
  golden('drain-refuses-bare', 'drain node-1')
  const { code, stdout } = cluster.kubectl('drain node-1 --force --timeout=60s')
  assert.equal(code, 0, stdout)
  assert.match(stdout, /^node\/node-1 already cordoned\n/)
  assert.equal([...stdout.matchAll(/^pod\/web-\S+ evicted$/gm)].length, 2)
  assert.match(stdout, /^pod\/bare evicted$/m)
  assert.match(stdout, /node\/node-1 drained\n$/)
  golden('uncordon', 'uncordon node-1')
  golden('uncordon-again', 'uncordon node-1')
  cluster.ok('rollout status deployment/web --timeout=60s')
  golden('taint', 'taint nodes node-1 sea=rough:NoSchedule')
  golden('taint-remove', 'taint nodes node-1 sea-')
  golden('cordon-missing', 'cordon node-9')
})
