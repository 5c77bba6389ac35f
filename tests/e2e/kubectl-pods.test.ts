/** Pods as kubectl shows them: logs, failures, events, restarts, and nodes that are cordoned and drained. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import type { ContainerStatus } from '../../src/api/schema/types.gen.ts'
import { goSeconds } from '../../src/node/restart-backoff.ts'
import { until } from '../support/cluster.ts'
import { everyKubectl, type Suite } from '../support/every-kubectl.ts'
import { deployment, image, pod, yaml } from '../support/manifests.ts'

/** The slow app waits for a file in this folder of the machine. */
const startFolderOf = ({ cluster }: Suite): string => join(cluster.dataDir, 'files')

function objects(startFolder: string): string {
  const once = { spec: { restartPolicy: 'Never' } }
  return yaml(
    pod('done', 'logger', once),
    pod('failed', 'crasher', once),
    pod('ticking', 'logger', { env: { LINGER: '1', LINES: '3' } }),
    pod('looping', 'crasher'),
    pod('slow', 'slow', {
      spec: {
        volumes: [{ name: 'start', hostPath: { path: startFolder, type: 'DirectoryOrCreate' } }],
        containers: [
          {
            name: 'slow',
            image: image('slow'),
            env: [{ name: 'START_FILE', value: '/start/now' }],
            volumeMounts: [{ name: 'start', mountPath: '/start' }],
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
}

everyKubectl({
  folder: 'pods',
  prepare: (suite) => suite.ok('apply -f -', { input: objects(startFolderOf(suite)) }),
  define,
})

function define(suite: Suite): void {
  const { golden, ok, kubectl } = suite
  const stateOf = async (name: string) => (await ok(`get pod ${name} --no-headers`)).split(/ +/)[2] ?? ''
  const isIn = (name: string, ...states: readonly string[]) =>
    until(`${name} is ${states.join(' or ')}`, async () => states.includes(await stateOf(name)) || undefined)

  const loopingStatus = async (): Promise<ContainerStatus> => {
    const text = await ok('get pod looping -o jsonpath={.status.containerStatuses[0]}')
    return JSON.parse(text) as ContainerStatus
  }

  test('logs of a pod that has ended', async () => {
    await golden('wait-phase', 'wait --for=jsonpath={.status.phase}=Succeeded pod/done --timeout=60s')
    await golden('get-completed', 'get pod done')
    await golden('logs', 'logs done')
    await golden('logs-tail', 'logs done --tail=2')
    await golden('logs-timestamps', 'logs done --timestamps --tail=1')
    await golden('logs-limit', 'logs done --limit-bytes=9')
    await golden('logs-since', 'logs done --since=1h --tail=1')
    await golden('logs-since-time', 'logs done --since-time=2100-01-01T00:00:00Z')
    await golden('logs-follow-ended', 'logs -f done')
    await golden('logs-prefix', 'logs done --prefix --tail=1')
  })

  test('logs of several containers and pods', async () => {
    await ok('wait --for=jsonpath={.status.phase}=Succeeded pod/two --timeout=60s')
    await golden('logs-default-container', 'logs two')
    await golden('logs-container', 'logs two -c second')
    // kubectl asks for all at once and prints in no order.
    const lines = (await ok('logs two --all-containers --prefix')).trimEnd().split('\n')
    assert.deepEqual(lines.toSorted(), [
      '[pod/two/first] line 1',
      '[pod/two/first] the last line',
      '[pod/two/second] line 1',
      '[pod/two/second] line 2',
      '[pod/two/second] the last line',
    ])
    await golden('logs-missing-container', 'logs two -c third')
    await golden('logs-selector', 'logs -l app=done --tail=1')
    await golden('logs-selector-none', 'logs -l app=nobody')
    await golden('logs-missing-pod', 'logs nobody')
    await golden('logs-no-previous', 'logs done --previous')
    await golden('logs-bad-tail', 'logs done --tail=-2')
  })

  test('logs -f prints what comes, until the pod goes', async () => {
    await ok('wait --for=condition=Ready pod/ticking --timeout=60s')
    await using follow = suite.cluster.follow('logs -f ticking')
    await until('it ticks', () => (/tick 3\n/.test(follow.stdout()) ? true : undefined))
    assert.match(follow.stdout(), /^line 1\nline 2\nline 3\n/)
    await ok('delete pod ticking --now')
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
    await golden('get-not-ready', 'get pod slow')
    await golden('logs-nothing-yet', 'logs slow')
    await golden('wait-not-ready', 'wait --for=condition=Ready pod/slow --timeout=1s')
    await using ready = suite.cluster.follow('wait --for=condition=Ready pod/slow --timeout=60s')
    writeFileSync(join(startFolderOf(suite), 'now'), '')
    assert.equal((await ready.ended).code, 0)
    await golden('get-ready', 'get pod slow')
    await golden('logs-started', 'logs slow')
  })

  test('a pod that fails', async () => {
    await isIn('failed', 'Error')
    await golden('get-failed', 'get pod failed')
    await golden(
      'failed-state',
      'get pod failed -o jsonpath={.status.phase}{.status.containerStatuses[0].state.terminated.exitCode}{.status.containerStatuses[0].state.terminated.reason}',
    )
    await golden('logs-failed', 'logs failed')
    await golden('wait-failed-times-out', 'wait --for=condition=Ready pod/failed --timeout=1s')
  })

  test('a pod that fails again and again', async () => {
    const restarts = await until(
      'it waits after two restarts, the same before and after its row',
      async () => {
        const before = await loopingStatus()
        const row = await ok('get pod looping --no-headers')
        const { restartCount, state } = before
        if (restartCount < 2 || state?.waiting?.reason !== 'CrashLoopBackOff') return undefined
        return isDeepStrictEqual(before, await loopingStatus())
          ? { restartCount, row, ...state.waiting }
          : undefined
      },
    )
    // How many there are by now is a matter of time; what belongs together is not: the wait doubles with each restart.
    const { message, restartCount, row } = restarts
    const waitMs = Math.min(10_000 * 2 ** (restartCount - 1), 300_000)
    assert.ok(
      message?.startsWith(`back-off ${goSeconds(waitMs)} restarting failed container=crasher `),
      message,
    )
    const [name, ready, state, count] = row.split(/ +/)
    assert.deepEqual(
      [name, ready, state, count],
      ['looping', '0/1', 'CrashLoopBackOff', String(restartCount)],
    )
    assert.match(row, /\d \([\dms]+ ago\) +[\dms]+\n$/)
    // Each restart was one of the program: a start that failed would be told as such.
    const failures = 'get events --field-selector involvedObject.name=looping,reason=Failed -o name'
    assert.equal(await ok(failures), '')
    await golden('logs-previous', 'logs looping --previous')
    const described = await ok('describe pod looping')
    assert.match(described, /Last State: +Terminated\n +Reason: +Error\n( +Message:[^]*)? +Exit Code: +3\n/)
    assert.match(described, /Warning +BackOff .*Back-off restarting failed container/)
    await golden(
      'looping-message',
      'get pod looping -o jsonpath={.status.containerStatuses[0].state.waiting.reason}',
    )
  })

  test('pods that cannot start say why', async () => {
    await golden('get-nowhere', 'get pod nowhere')
    await golden(
      'nowhere-why',
      'get pod nowhere -o jsonpath={.status.conditions[?(@.type=="PodScheduled")].message}',
    )
    await golden(
      'nowhere-event',
      'get events --field-selector involvedObject.name=nowhere,type=Warning -o jsonpath={.items[0].reason}',
    )
    await golden(
      'hungry-why',
      'get pod hungry -o jsonpath={.status.conditions[?(@.type=="PodScheduled")].message}',
    )
    await golden(
      'foreign-why',
      'get pod foreign -o jsonpath={.status.conditions[?(@.type=="PodScheduled")].message}',
    )
    await golden('logs-not-scheduled', 'logs nowhere')
    await isIn('unset', 'CreateContainerConfigError')
    await golden('unset-why', 'get pod unset -o jsonpath={.status.containerStatuses[0].state.waiting}')
    await golden('logs-not-started', 'logs unset')
    await ok(['create', 'configmap', 'absent', '--from-literal=a=now'])
    await golden('unset-recovers', 'wait --for=condition=Ready pod/unset --timeout=60s')
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
    await golden(
      'no-entry-events',
      'get events --field-selector involvedObject.name=no-entry,reason=Failed -o jsonpath={.items[0].message}',
    )
    await golden(
      'no-folder-events',
      'get events --field-selector involvedObject.name=no-folder,reason=Failed -o jsonpath={.items[0].message}',
    )
  })

  test('a node is cordoned, drained and comes back', async () => {
    await ok('delete pods --all --now')
    await ok('apply -f -', { input: yaml(deployment({ name: 'web', replicas: 2 }), pod('bare', 'hello')) })
    await ok('rollout status deployment/web --timeout=60s')
    await golden('cordon', 'cordon node-1')
    await golden('cordon-again', 'cordon node-1')
    await golden('cordoned', 'get nodes')
    await ok('scale deployment/web --replicas=3')
    const pending = await until(
      'the third waits',
      async () => (await ok('get pods --field-selector status.phase=Pending -o name')).trim() || undefined,
    )
    await until(
      'it is told why',
      async () => (await ok(['describe', pending])).includes('were unschedulable') || undefined,
    )
    await ok('scale deployment/web --replicas=2')
    await golden('drain-refuses-bare', 'drain node-1')
    const { code, stdout } = await kubectl('drain node-1 --force --timeout=60s')
    assert.equal(code, 0, stdout)
    assert.match(stdout, /^node\/node-1 already cordoned\n/)
    assert.equal([...stdout.matchAll(/^pod\/web-\S+ evicted$/gm)].length, 2)
    assert.match(stdout, /^pod\/bare evicted$/m)
    assert.match(stdout, /node\/node-1 drained\n$/)
    await golden('uncordon', 'uncordon node-1')
    await golden('uncordon-again', 'uncordon node-1')
    await ok('rollout status deployment/web --timeout=60s')
    await golden('taint', 'taint nodes node-1 sea=rough:NoSchedule')
    await golden('taint-remove', 'taint nodes node-1 sea-')
    await golden('cordon-missing', 'cordon node-9')
  })
}
