import { join } from 'node:path'
import { realClock } from '../base/clock.ts'
import { realRandom } from '../base/ids.ts'
import { createMetrics } from '../base/metrics.ts'
import { addProcessMetrics } from '../base/process-metrics.ts'
import { openAgent } from '../node/agent.ts'
import { openPackageCache } from '../runtime/packages/cache.ts'
import { openProcessRuntime } from '../runtime/process/process-runtime.ts'
import { openApiServers } from './api-servers.ts'
import { credentialOf, dataDir } from './data-dir.ts'
import type { ProcessRoot } from './process.ts'

/** The agent process: runs this machine's pods. */
export const agentRoot: ProcessRoot = {
  name: 'agent',
  async start(begin, logger) {
    await using stack = new AsyncDisposableStack()
    const [clock, random] = [realClock, realRandom]
    const dir = dataDir(begin.dataDir)
    const kubeconfig = credentialOf(dir, 'agent')
    const servers = stack.use(await openApiServers({ kubeconfig, userAgent: 'sampan-agent', logger }))
    const nodeDefault = { path: process.execPath, version: process.versions.node }
    const packages = stack.use(
      await openPackageCache({ root: join(dir.node, 'packages'), nodeDefault, clock, logger }),
    )
    const metrics = createMetrics()
    addProcessMetrics(metrics)
    stack.use(
      await openAgent({
        client: servers.client,
        runtime: openProcessRuntime({ clock }),
        packages,
        nodeName: begin.nodeName,
        dataDir: dir.node,
        tunnel: servers.kubeconfig,
        servers,
        metrics,
        clock,
        random,
        logger,
      }),
    )
    const owned = stack.move()
    return {
      ready: { line: `agent       node ${begin.nodeName}` },
      [Symbol.asyncDispose]: () => owned.disposeAsync(),
    }
  },
}
