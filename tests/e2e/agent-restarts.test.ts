/**
 * `kill -9` of the agent, again and again, while twenty apps serve traffic through the gateway: no request fails, no
 * line of a log is lost or doubled, no process is restarted, started twice or left behind. `RESTARTS=200` for the whole
 * show, `SEED=n` repeats a run's choices.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { seededRandom, type Random } from '../../src/base/ids.ts'
import { dataDir } from '../../src/main/data-dir.ts'
import { isAlive, type ProcessIdentity } from '../../src/main/process-identity.ts'
import { readRunning } from '../../src/main/data-dir-hold.ts'
import { openCluster, until, type Cluster } from '../support/cluster.ts'
import { ask } from '../support/http.ts'
import { deployment, ingress, service, yaml } from '../support/manifests.ts'
import { isProgram, workloadProcesses } from '../support/workloads.ts'
import { testSeed as seed } from '../../src/base/test-seed.ts'

const restarts = Number(process.env['RESTARTS'] ?? 25)
const appCount = 20
const clientCount = 4
/** Leaves the machine to the agent, which has to come up between two kills. */
const pauseMs = 10
/** An agent lives this long at most. It has adopted its pods after less than a second, on a quiet machine. */
const lifeMsMax = 3_000

test(`${restarts} restarts of the agent under traffic (SEED=${seed})`, { timeout: 1_200_000 }, async (t) => {
  const random = seededRandom(seed)
  await using cluster = await openCluster()
  const readinessProbe = { httpGet: { path: '/ready', port: 'http' }, periodSeconds: 2, timeoutSeconds: 10 }
  const web = deployment({ name: 'web', app: 'counter', replicas: appCount, container: { readinessProbe } })
  cluster.ok('apply -f -', { input: yaml(web, service('web'), ingress('web', 'web.localhost')) })
  cluster.ok('rollout status deployment/web --timeout=180s', { timeoutMs: 200_000 })
  const before = await until('every app has its process', () => {
    const found = workloadProcesses(cluster.dataDir)
    return found.filter(isProgram).length === appCount ? found : undefined
  })
  await until('the gateway answers', async () =>
    (await ask(cluster.gatewayUrl, { host: 'web.localhost' })).status === 200 ? true : undefined,
  )

  const traffic = startTraffic(cluster.gatewayUrl)
  let killed: readonly ProcessIdentity[] = []
  try {
    killed = await killAgents(cluster, random)
  } finally {
    await traffic.stop()
  }
  const { answers, failures } = traffic
  t.diagnostic(`${killed.length} agents killed, ${answers.length} answers, ${failures.length} failures`)
  assert.equal(new Set(killed.map(({ pid, startTicks }) => `${pid} ${startTicks}`)).size, restarts)
  assert.deepEqual(failures, [])
  assert.ok(answers.length > restarts, 'there was traffic all the time')

  const numbers = numbersByPod(answers)
  assert.equal(numbers.size, appCount, 'every app had its share')
  for (const [pod, said] of numbers) {
    const expected = Array.from({ length: said.length }, (_, i) => `request ${i + 1}`)
    assert.deepEqual(
      said.toSorted((a, b) => a - b).map((n) => `request ${n}`),
      expected,
      `${pod} has counted from its first start on`,
    )
    await until(`the whole log of ${pod}`, () =>
      linesOf(cluster, pod).length >= expected.length ? true : undefined,
    )
    assert.deepEqual(linesOf(cluster, pod), expected)
  }
  assert.deepEqual(workloadProcesses(cluster.dataDir), before, 'the same processes, and no other')
  assert.equal(childrenOf(cluster.pidOf('supervisor')).length, 3, 'server, agent and gateway, once each')
})

/** Each as soon as it is back: at once, while it takes up its work, or in the midst of it. */
async function killAgents(cluster: Cluster, random: Random): Promise<readonly ProcessIdentity[]> {
  const killed: ProcessIdentity[] = []
  while (killed.length < restarts) {
    const agent = await until('the agent is back', () => livingAgent(cluster, killed.at(-1)), 30_000)
    const within = random.float() < 0.5 ? lifeMsMax / 10 : lifeMsMax
    await new Promise((resolve) => setTimeout(resolve, random.float() * within))
    assert.ok(isAlive(agent), 'an agent ends by our hand only')
    process.kill(agent.pid, 'SIGKILL')
    killed.push(agent)
  }
  return killed
}

function livingAgent(cluster: Cluster, last: ProcessIdentity | undefined): ProcessIdentity | undefined {
  const agent = readRunning(dataDir(cluster.dataDir))?.processes.find(({ name }) => name === 'agent')
  if (!agent || !isAlive(agent)) return undefined
  return agent.pid === last?.pid && agent.startTicks === last.startTicks ? undefined : agent
}

interface Traffic {
  readonly answers: readonly string[]
  readonly failures: readonly string[]
  stop(): Promise<void>
}

/** Requests without a second try, from several clients, until it is stopped. */
function startTraffic(gatewayUrl: string): Traffic {
  const answers: string[] = []
  const failures: string[] = []
  let isStopped = false
  const one = async () => {
    while (!isStopped)
      try {
        const { status, body } = await ask(`${gatewayUrl}/count`, {
          host: 'web.localhost',
          timeoutMs: 30_000,
        })
        if (status === 200) answers.push(body)
        else failures.push(`${status} ${body}`)
      } catch (error) {
        failures.push(String(error))
      } finally {
        await new Promise((resolve) => setTimeout(resolve, pauseMs))
      }
  }
  const running = Promise.all(Array.from({ length: clientCount }, one))
  return {
    answers,
    failures,
    async stop() {
      isStopped = true
      await running
    },
  }
}

function numbersByPod(answers: readonly string[]): ReadonlyMap<string, readonly number[]> {
  const numbers = new Map<string, number[]>()
  for (const answer of answers) {
    const [pod = '', n] = answer.split(' ')
    const known = numbers.get(pod)
    if (known) known.push(Number(n))
    else numbers.set(pod, [Number(n)])
  }
  return numbers
}

const linesOf = (cluster: Cluster, pod: string): readonly string[] =>
  cluster.ok(['logs', pod]).split('\n').filter(Boolean)

const childrenOf = (pid: number): readonly string[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean)
