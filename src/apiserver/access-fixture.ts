/** For tests: a server with everything that access control needs: roles, tokens, admission. Nobody is anybody by default. */
import { ok } from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { resources } from '../api/table.ts'
import { realClock, type Clock } from '../base/clock.ts'
import { realRandom } from '../base/ids.ts'
import { silentLogger, type Logger } from '../base/logger.ts'
import { openMemoryStore } from '../store/memory/memory-store.ts'
import { admin, readAnswer, type Answer } from './fixture.ts'
import type { UserInfo } from './http.ts'
import { openApiServer } from './server.ts'
import { staticAuthenticator } from './stages/authenticate.ts'
import { createTokenSigner } from './stages/service-account-tokens.ts'

export const newKey = () =>
  generateKeyPairSync('ec', { namedCurve: 'P-256' })
    .privateKey.export({ type: 'pkcs8', format: 'pem' })
    .toString()

export type Headers = Readonly<Record<string, string>>
interface Asking {
  readonly user?: UserInfo
  readonly headers?: Headers
  readonly body?: unknown
}

export async function openCluster(clock: Clock = realClock, logger: Logger = silentLogger) {
  const store = await openMemoryStore({ clock: realClock, logger: silentLogger })
  const signer = createTokenSigner(newKey())
  const server = await openApiServer({
    store,
    resources,
    clock,
    random: realRandom,
    logger,
    authenticate: staticAuthenticator([]),
    signer,
    defaultRoles: true,
  })
  const ask = async (
    method: string,
    path: string,
    { user, headers = {}, body }: Asking = {},
  ): Promise<Answer> =>
    readAnswer(
      await server.handle({
        method,
        path,
        headers,
        ...(user && { user }),
        ...(body !== undefined && { body: Buffer.from(JSON.stringify(body)) }),
      }),
    )
  const asAdmin = async (method: string, path: string, body?: unknown) => {
    const answer = await ask(method, path, { user: admin, body })
    ok(answer.status < 300, `${method} ${path}: ${answer.text}`)
    return answer
  }
  return {
    server,
    signer,
    ask,
    asAdmin,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]()
      await store[Symbol.asyncDispose]()
    },
  }
}

export type Cluster = Awaited<ReturnType<typeof openCluster>>
