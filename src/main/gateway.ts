import { realClock } from '../base/clock.ts'
import { realRandom } from '../base/ids.ts'
import type { Node } from '../api/schema/types.gen.ts'
import { nodes } from '../api/resources/nodes.ts'
import { createDialer } from '../client/dial.ts'
import { openReach } from '../client/reach.ts'
import { readKubeconfig } from '../client/kubeconfig.ts'
import { openInformers } from '../client/informers.ts'
import { readMachineIdentity } from '../client/machine-identity.ts'
import { openGateway } from '../gateway/gateway.ts'
import { syncRoutes } from '../gateway/sync.ts'
import { openApiServers } from './api-servers.ts'
import { endProcess, watchCertificate } from './credential-renewal.ts'
import { credentialOf, dataDir } from './data-dir.ts'
import { formatListen, listenError } from './listen-address.ts'
import type { ProcessRoot } from './process.ts'

/** The gateway process: puts apps on URLs. */
export const gatewayRoot: ProcessRoot = {
  name: 'gateway',
  async start(begin, logger) {
    await using stack = new AsyncDisposableStack()
    const [clock, random] = [realClock, realRandom]
    const kubeconfig = credentialOf(dataDir(begin.dataDir), 'gateway')
    const servers = stack.use(await openApiServers({ kubeconfig, userAgent: 'sampan-gateway', logger }))
    const { client } = servers
    const informers = stack.use(openInformers({ client, clock, random, logger }))
    const known = informers.for<Node>(nodes)
    const urls = () => servers.urls
    const reach = stack.use(openReach({ credentials: servers.kubeconfig, servers: urls, clock, logger }))
    const nodeOf = (name: string) => known.get('', name)
    const dial = createDialer({ nodeOf, machineId: readMachineIdentity(), relay: reach.dial })
    const gateway = await openGateway({ listen: begin.gatewayListen, dial, clock, random, logger }).catch(
      (error: unknown) => {
        throw listenError(error, begin.gatewayListen, '--gateway-listen')
      },
    )
    stack.use(gateway)
    await syncRoutes({ gateway, informers, clock, logger })
    const gatewayListen = gateway.address
    stack.use(
      watchCertificate({
        certificate: servers.kubeconfig.cert ?? '',
        present: async () => (await readKubeconfig(kubeconfig)).cert ?? '',
        onRenewed: endProcess,
        clock,
        logger,
      }),
    )
    const owned = stack.move()
    return {
      ready: { line: `gateway     http://${formatListen(gatewayListen)}`, gatewayListen },
      [Symbol.asyncDispose]: () => owned.disposeAsync(),
    }
  },
}
