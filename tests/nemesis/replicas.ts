/** API servers as processes of their own, as clients meet them: over TLS, with patience that ends. */
import { once } from 'node:events'
import { Agent, request } from 'node:https'
import type { IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { sendSignal } from '../../src/base/send-signal.ts'
import { readKubeconfig } from '../../src/client/kubeconfig.ts'
import { dataDir } from '../../src/main/data-dir.ts'
import { isAlive } from '../../src/main/process-identity.ts'
import { readRunning } from '../../src/main/data-dir-hold.ts'
import { openCluster, type Cluster } from '../support/cluster.ts'
import type { Answer, Api, Ask, Json } from '../support/history/servers.ts'
import type { Host } from '../support/hosts.ts'

export interface Replicas extends Api, AsyncDisposable {
  readonly clusters: readonly Cluster[]
  /** What is wrong with the order of answers of one replica, which judges of the whole history don't know. */
  readonly problems: readonly string[]
  /** False when it is just starting again, and its process not known. */
  signal(replica: number, name: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): boolean
}

/** A server that says nothing for so long is given up: what became of the request is unknown. */
const answerMsMax = 3_000

export async function openReplicas(storeUrl: string, hosts: readonly Host[]): Promise<Replicas> {
  await using stack = new AsyncDisposableStack()
  const clusters: Cluster[] = []
  for (const host of hosts) {
    const [first] = clusters
    const token = first ? ['--server-token-file', join(first.dataDir, 'credentials', 'server.token')] : []
    const args = ['--tls-listen', `${host.address}:18888`, ...token]
    const env = { SAMPAN_STORE: storeUrl }
    clusters.push(stack.use(await openCluster({ command: 'server', host, args, env })))
  }
  const ends = await Promise.all(clusters.map(endOf))
  for (const { agent } of ends) stack.defer(() => agent.destroy())
  const problems: string[] = []
  const orders = clusters.map(() => cachedOrder(problems))
  const send = (replica: number, ask: Ask, signal?: AbortSignal) => {
    const end = ends[replica % ends.length]
    if (!end) throw new Error(`no replica ${replica}`)
    return sendTo(end, ask, signal)
  }
  const owned = stack.move()
  return {
    clusters,
    problems,
    replicas: clusters.length,
    async ask(replica, ask) {
      const check = isCachedList(ask) ? orders[replica]?.begin() : undefined
      const incoming = await send(replica, ask)
      const answer = await whole(incoming)
      if (answer.status === 200) check?.(Number(answer.body['metadata']?.['resourceVersion']), ask.path)
      return answer
    },
    open: (replica, path, signal) => send(replica, { method: 'GET', path }, signal),
    signal(replica, name) {
      const running = readRunning(dataDir(clusters[replica]?.dataDir ?? ''))
      const server = running?.processes.find((one) => one.name === 'server')
      // Its pid may be another program's by now.
      if (!server || !isAlive(server)) return false
      if (name === 'SIGKILL') orders[replica]?.restart()
      sendSignal(server.pid, name)
      return true
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** An object may be older than another one that came before it. */
const isCachedList = ({ path }: Ask): boolean => /configmaps\?.*resourceVersion=0/.test(path)

interface End {
  readonly url: URL
  readonly agent: Agent
}

async function endOf(cluster: Cluster): Promise<End> {
  const { server, ca, cert, key } = await readKubeconfig(cluster.kubeconfig)
  const credentials = { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) }
  return { url: new URL(server), agent: new Agent({ keepAlive: true, ...credentials }) }
}

async function sendTo(
  { agent, url }: End,
  { body, method, path, type = 'application/json' }: Ask,
  signal?: AbortSignal,
): Promise<IncomingMessage> {
  const bytes = body === undefined ? undefined : Buffer.from(JSON.stringify(body))
  const headers = bytes && { 'content-type': type, 'content-length': bytes.length }
  const sent = request(url, {
    agent,
    method,
    path,
    headers: { 'user-agent': 'nemesis/1', ...headers },
    ...(signal && { signal }),
  })
  // Not the `timeout` of the request: it does not count while a connection is being made.
  const giveUp = () => sent.destroy(new Error('no answer'))
  const timer = setTimeout(giveUp, answerMsMax)
  sent.setTimeout(answerMsMax, giveUp)
  sent.end(bytes)
  try {
    const [incoming] = (await once(sent, 'response')) as [IncomingMessage]
    // Of a connection that breaks later the reader of the body is told.
    sent.on('error', () => {})
    return incoming
  } finally {
    clearTimeout(timer)
  }
}

async function whole(incoming: IncomingMessage): Promise<Answer> {
  const text = Buffer.concat((await incoming.toArray()) as Buffer[]).toString('utf8')
  return { status: incoming.statusCode ?? 0, body: JSON.parse(text) as Json }
}

/** What a replica answers from its cache never goes back, as long as it lives. */
function cachedOrder(problems: string[]) {
  let life = 0
  let greatest = 0
  return {
    restart() {
      life++
      greatest = 0
    },
    /** Answers what to call with the answer. */
    begin() {
      const [bornIn, least] = [life, greatest]
      return (revision: number, path: string) => {
        if (bornIn !== life) return
        if (revision < least) problems.push(`the cached ${path} went back from ${least} to ${revision}`)
        greatest = Math.max(revision, greatest)
      }
    },
  }
}
