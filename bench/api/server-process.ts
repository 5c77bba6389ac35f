/** The API server with its store, a plain and a TLS listener, alone in a process: a store's URL and a folder for certificates. */
import { openCa, openServerCertificate } from '../../src/apiserver/certificates.ts'
import { listenApi } from '../../src/apiserver/listen.ts'
import { openApiServer } from '../../src/apiserver/server.ts'
import { staticAuthenticator } from '../../src/apiserver/stages/authenticate.ts'
import { resources } from '../../src/api/table.ts'
import { realClock as clock } from '../../src/base/clock.ts'
import { realRandom } from '../../src/base/ids.ts'
import { silentLogger } from '../../src/base/logger.ts'
import { openStore } from '../../src/store/open.ts'
import { answerQuestions, cpuSeconds } from './child.ts'

const [url = 'memory:', folder] = process.argv.slice(2)
const logger = silentLogger
const host = '127.0.0.1'
const stack = new AsyncDisposableStack()
const store = stack.use(await openStore(url, { clock, logger }))
const authenticate = staticAuthenticator([
  { token: 'bench', user: { name: 'bench', groups: ['system:masters'] } },
])
const server = stack.use(
  await openApiServer({ store, resources, authenticate, clock, random: realRandom, logger }),
)
const listener = stack.use(
  await listenApi({
    server,
    clock,
    logger,
    http: { host, port: 0 },
    ...(folder !== undefined && { tls: await tlsIn(folder) }),
  }),
)

async function tlsIn(directory: string) {
  const ca = await openCa(directory, clock)
  const { cert, key } = await openServerCertificate({ directory, ca, hosts: [host], clock })
  return { host, port: 0, cert, key, ca: ca.cert }
}

let peakLoopMs = 0
let lastMs = clock.monotonicMs()
clock.every(5, () => {
  const nowMs = clock.monotonicMs()
  peakLoopMs = Math.max(peakLoopMs, nowMs - lastMs - 5)
  lastMs = nowMs
})
answerQuestions(
  {
    port: () => listener.httpPort,
    tlsPort: () => listener.tlsPort,
    usage() {
      const usage = { cpu: cpuSeconds(), memory: process.memoryUsage(), peakLoopMs }
      peakLoopMs = 0
      return usage
    },
  },
  () => stack.disposeAsync(),
)
