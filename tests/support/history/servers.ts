/** API servers on one store, as clients meet them: over HTTP, each on a port of its own; they go and come back. */
import { setTimeout as pause } from 'node:timers/promises'
import { Agent, request, type IncomingMessage } from 'node:http'
import { admin, adminToken } from '../../../src/apiserver/fixture.ts'
import { listenApi } from '../../../src/apiserver/listen.ts'
import { openApiServer } from '../../../src/apiserver/server.ts'
import { staticAuthenticator } from '../../../src/apiserver/stages/authenticate.ts'
import { resources } from '../../../src/api/table.ts'
import { realClock } from '../../../src/base/clock.ts'
import { realRandom } from '../../../src/base/ids.ts'
import { silentLogger } from '../../../src/base/logger.ts'
import type { Store } from '../../../src/store/store.ts'

/** What clients of a history need of the servers, wherever these run. */
export interface Api {
  readonly replicas: number
  /** Rejects when the connection does: whether the request was carried out is then unknown. */
  ask(replica: number, ask: Ask): Promise<Answer>
  /** The head of the answer; its body comes as it comes. */
  open(replica: number, path: string, signal: AbortSignal): Promise<IncomingMessage>
}

export interface Servers extends Api, AsyncDisposable {
  /** The present store: another object after a restart. */
  readonly store: Store
  /** Ends every server and the store, and opens them again. Connections break. */
  restart(): Promise<void>
}

/** What no server may answer, whatever happens to it. */
export class UnexpectedAnswer extends Error {
  override readonly name = 'UnexpectedAnswer'
}

export interface Ask {
  readonly method: string
  readonly path: string
  readonly type?: string
  readonly body?: unknown
}

export interface Answer {
  readonly status: number
  readonly body: Json
}

/** What comes back is read field by field. */
export interface Json {
  readonly [field: string]: Json | undefined
}

interface Running extends AsyncDisposable {
  readonly store: Store
  readonly ports: readonly number[]
}

export async function openServers(openStore: () => Promise<Store>, replicas: number): Promise<Servers> {
  let running = await start(openStore, replicas)
  const agent = new Agent({ keepAlive: true })
  const headers = { authorization: `Bearer ${adminToken}`, 'user-agent': 'history/1' }
  const send = (
    replica: number,
    { body, method, path, type = 'application/json' }: Ask,
    signal?: AbortSignal,
  ) =>
    new Promise<IncomingMessage>((resolve, reject) => {
      const port = running.ports[replica % replicas]
      const sent = request(
        {
          host: '127.0.0.1',
          port,
          method,
          path,
          agent,
          headers: { ...headers, ...(body !== undefined && { 'content-type': type }) },
          ...(signal && { signal }),
        },
        resolve,
      )
      sent.on('error', reject)
      sent.end(body === undefined ? undefined : JSON.stringify(body))
    })
  return {
    get store() {
      return running.store
    },
    replicas,
    async restart() {
      await running[Symbol.asyncDispose]()
      running = await start(openStore, replicas)
    },
    async ask(replica, ask) {
      const answer = await send(replica, ask)
      const text = Buffer.concat((await answer.toArray()) as Buffer[]).toString('utf8')
      return { status: answer.statusCode ?? 0, body: JSON.parse(text) as Json }
    },
    open: (replica, path, signal) => send(replica, { method: 'GET', path }, signal),
    async [Symbol.asyncDispose]() {
      agent.destroy()
      await running[Symbol.asyncDispose]()
    },
  }
}

async function start(openStore: () => Promise<Store>, replicas: number): Promise<Running> {
  await using stack = new AsyncDisposableStack()
  const store = stack.use(await openStore())
  const ports: number[] = []
  for (let i = 0; i < replicas; i++) {
    // Where several processes may open it, each server has a connection of its own.
    const own = i > 0 && store.capabilities.shared ? stack.use(await openStore()) : store
    const authenticate = staticAuthenticator([{ token: adminToken, user: admin }])
    const server = stack.use(
      await openApiServer({
        store: own,
        resources,
        clock: realClock,
        random: realRandom,
        logger: silentLogger,
        authenticate,
      }),
    )
    const listener = stack.use(
      await listenApi({
        server,
        clock: realClock,
        logger: silentLogger,
        http: { host: '127.0.0.1', port: 0 },
      }),
    )
    ports.push(listener.httpPort ?? 0)
  }
  const owned = stack.move()
  return { store, ports, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

/** Between two attempts at a server that is away. */
export const awhile = (): Promise<void> => pause(20)
