/** A whole API server for tests: memory store, real resources, no socket. */
import { resources } from '../api/table.ts'
import type { Status } from '../api/status.ts'
import type { Clock } from '../base/clock.ts'
import { realClock } from '../base/clock.ts'
import { realRandom } from '../base/ids.ts'
import { silentLogger, type Logger } from '../base/logger.ts'
import { openMemoryStore } from '../store/memory/memory-store.ts'
import type { Store } from '../store/store.ts'
import type { ApiResponse, UserInfo } from './http.ts'
import type { NodeTunnels } from './node-tunnels.ts'
import type { OwnPaths } from './paths.ts'
import { openApiServer, type ApiServer } from './server.ts'
import { mastersGroup, staticAuthenticator } from './stages/authenticate.ts'

export const admin: UserInfo = { name: 'admin', groups: [mastersGroup] }
export const adminToken = 'secret-of-the-tests'

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
  /** The parsed body. */
  // oxlint-disable-next-line typescript/no-explicit-any -- tests reach into answers of every shape
  readonly body: any
}

export interface Fixture extends AsyncDisposable {
  readonly server: ApiServer
  readonly store: Store
  /** A request with a JSON body, as `admin`. */
  readonly request: (
    method: string,
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ) => Promise<Answer>
  /** As `request`, with the answer's body as a stream of parsed JSON lines. */
  readonly watch: (
    path: string,
    signal: AbortSignal,
    headers?: Readonly<Record<string, string>>,
  ) => Promise<WatchLines>
}

/** Bodies are `any` here for the same reason as in `Answer`. */
// oxlint-disable-next-line typescript/no-explicit-any -- see Answer
export type WatchLines = AsyncGenerator<any> & { readonly head: ApiResponse }

export interface FixtureOptions {
  readonly store?: Store
  readonly clock?: Clock
  readonly logger?: Logger
  readonly nodes?: NodeTunnels
  readonly ownPaths?: OwnPaths
}

export async function openFixture(options: FixtureOptions = {}): Promise<Fixture> {
  const clock = options.clock ?? realClock
  const logger = options.logger ?? silentLogger
  const store = options.store ?? (await openMemoryStore({ clock: realClock, logger: silentLogger }))
  const server = await openApiServer({
    store,
    resources,
    clock,
    random: realRandom,
    logger,
    authenticate: staticAuthenticator([{ token: adminToken, user: admin }]),
    ...(options.nodes && { nodes: options.nodes }),
    ...(options.ownPaths && { ownPaths: options.ownPaths }),
  })
  return {
    server,
    store,
    async request(method, path, body, headers = {}) {
      const bytes =
        body === undefined
          ? undefined
          : body instanceof Uint8Array
            ? body
            : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
      return readAnswer(
        await server.handle({ method, path, headers, user: admin, ...(bytes && { body: bytes }) }),
      )
    },
    async watch(path, signal, headers = {}) {
      const head = await server.handle({ method: 'GET', path, headers, user: admin, signal })
      return Object.assign(lines(head.body), { head })
    },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]()
      await store[Symbol.asyncDispose]()
    },
  }
}

export async function readAnswer({ status, headers, body }: ApiResponse): Promise<Answer> {
  const text = Buffer.concat(await Array.fromAsync(body)).toString('utf8')
  const isJson = headers['content-type']?.startsWith('application/json') === true && text !== ''
  return { status, headers, text, body: isJson ? JSON.parse(text) : undefined }
}

// oxlint-disable-next-line typescript/no-explicit-any -- see Answer
async function* lines(body: AsyncIterable<Uint8Array>): AsyncGenerator<any> {
  let rest = ''
  for await (const chunk of body) {
    const parts = (rest + Buffer.from(chunk).toString('utf8')).split('\n')
    rest = parts.pop() ?? ''
    for (const part of parts) yield JSON.parse(part)
  }
}

/** What a client sees of a refusal, in one line: `404 NotFound: pods "x" not found`. */
export const refusal = ({ status, body }: Answer): string => {
  const { reason, message, code } = body as Status
  return `${status}${code === status ? '' : ` (code ${code})`} ${reason}: ${message}`
}

export const configMap = (name: string, data: Readonly<Record<string, string>> = {}, more: object = {}) => ({
  kind: 'ConfigMap',
  apiVersion: 'v1',
  metadata: { name, ...more },
  data,
})

export const pod = (name: string, spec: object = {}, metadata: object = {}) => ({
  kind: 'Pod',
  apiVersion: 'v1',
  metadata: { name, ...metadata },
  spec: { containers: [{ name: 'main', image: 'npm:http-server@14' }], ...spec },
})
