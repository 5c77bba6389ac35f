/** An agent as a process of its own, to be killed. Its options come as one JSON argument; it prints `ready`. */
import { flushCompileCache } from 'node:module'
import { join } from 'node:path'
import { realClock as clock } from '../../src/base/clock.ts'
import { realRandom as random } from '../../src/base/ids.ts'
import type { RunOnceTiming } from '../../src/api/run-once.ts'
import { createLogger } from '../../src/base/logger.ts'
import { restClient } from '../../src/client/rest-client.ts'
import { httpTransport } from '../../src/client/transport-http.ts'
import { openAgent } from '../../src/node/agent.ts'
import { openPackageCache } from '../../src/runtime/packages/cache.ts'
import { openProcessRuntime } from '../../src/runtime/process/process-runtime.ts'

export interface ChildOptions {
  readonly url: string
  readonly token: string
  readonly folder: string
  readonly nodeName: string
  readonly runOnceTiming?: RunOnceTiming
}

const { url, token, folder, nodeName, runOnceTiming } = JSON.parse(process.argv[2] ?? '{}') as ChildOptions
const logger = createLogger({ clock, level: 'warn', write: (line) => console.error(line) })
const nodeDefault = { path: process.execPath, version: process.versions.node }
const packages = await openPackageCache({ root: join(folder, 'packages'), nodeDefault, clock, logger })
await openAgent({
  client: restClient(httpTransport({ server: url, token }), 'sampan-agent'),
  runtime: openProcessRuntime({ clock }),
  packages,
  nodeName,
  dataDir: join(folder, 'node'),
  clock,
  random,
  logger,
  tunnel: { server: url, token },
  ...(runOnceTiming && { runOnceTiming }),
})
flushCompileCache() // for the next one, where NODE_COMPILE_CACHE is set: this one may never come to its end
console.log('ready')
