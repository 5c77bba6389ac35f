/** The API server with its store and a plain listener, alone in a process: `memory`, or the path of an SQLite file. */
import { listenApi } from '../../src/apiserver/listen.ts'
import { openApiServer } from '../../src/apiserver/server.ts'
import { staticAuthenticator } from '../../src/apiserver/stages/authenticate.ts'
import { resources } from '../../src/api/table.ts'
import { realClock as clock } from '../../src/base/clock.ts'
import { realRandom } from '../../src/base/ids.ts'
import { silentLogger } from '../../src/base/logger.ts'
import { openMemoryStore } from '../../src/store/memory/memory-store.ts'
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts'
import { answerQuestions, cpuSeconds } from './child.ts'

const [place = 'memory'] = process.argv.slice(2)
const logger = silentLogger
const stack = new AsyncDisposableStack()
const store = stack.use(
  place === 'memory'
    ? await openMemoryStore({ clock, logger })
    : await openSqliteStore(place, { clock, logger }),
)
const authenticate = staticAuthenticator([
  { token: 'bench', user: { name: 'bench', groups: ['system:masters'] } },
])
const server = stack.use(
  await openApiServer({ store, resources, authenticate, clock, random: realRandom, logger }),
)
const listener = stack.use(await listenApi({ server, clock, logger, http: { host: '127.0.0.1', port: 0 } }))
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
    usage() {
      const usage = { cpu: cpuSeconds(), memory: process.memoryUsage(), peakLoopMs }
      peakLoopMs = 0
      return usage
    },
  },
  () => stack.disposeAsync(),
)
