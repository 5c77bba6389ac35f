import { existsSync, readFileSync } from 'node:fs'
import { realClock } from '../base/clock.ts'
import type { Logger } from '../base/logger.ts'
import { followServers } from '../client/api-servers.ts'
import type { Client } from '../client/client.ts'
import { createConnector } from '../client/connector.ts'
import { failoverTransport } from '../client/failover-transport.ts'
import { readKubeconfig, type Kubeconfig } from '../client/kubeconfig.ts'
import { restClient } from '../client/rest-client.ts'
import { httpTransport } from '../client/transport-http.ts'
import { writeWhole } from './data-dir.ts'

export interface ApiServers extends AsyncDisposable {
  /** Asks whichever server answers. */
  readonly client: Client
  readonly kubeconfig: Kubeconfig
  /** First the one that answers at present. */
  readonly urls: readonly string[]
  /** Calls back after each change of `urls`. */
  onChange(listener: (urls: readonly string[]) => void): void
}

export interface ApiServersOptions {
  /** Path of the kubeconfig that names the first server and says who we are. */
  readonly kubeconfig: string
  readonly userAgent: string
  readonly logger: Logger
}

/** The servers of the cluster as one. Those once heard of are kept beside the kubeconfig: the one it names may be gone for good. */
export async function openApiServers({
  kubeconfig: path,
  userAgent,
  logger,
}: ApiServersOptions): Promise<ApiServers> {
  const connector = createConnector({ env: process.env, clock: realClock, logger })
  const kubeconfig = { ...(await readKubeconfig(path)), connector }
  const file = `${path}.servers`
  const connect = (server: string) => httpTransport({ ...kubeconfig, server })
  const servers = [...new Set([kubeconfig.server, ...remembered(file)])]
  const transport = failoverTransport({ servers, connect, clock: realClock, logger })
  const client = restClient(transport, userAgent)
  const listeners: ((urls: readonly string[]) => void)[] = []
  const onServers = (urls: readonly string[]) => {
    // One that answers and is not on the list may be a load balancer in front of them.
    transport.setServers(urls)
    remember(file, urls, logger)
    for (const listener of listeners) listener(urls)
  }
  const stop = new AbortController()
  const following = followServers({ client, onServers, clock: realClock, logger }, stop.signal)
  return {
    client,
    kubeconfig,
    get urls() {
      return [transport.server, ...transport.servers.filter((url) => url !== transport.server)]
    },
    onChange: (listener) => void listeners.push(listener),
    async [Symbol.asyncDispose]() {
      stop.abort()
      await following
      await transport[Symbol.asyncDispose]()
    },
  }
}

function remembered(file: string): readonly string[] {
  if (!existsSync(file)) return []
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as string[]
  } catch {
    return [] // cut short by a full disk: it is written anew once a server answers
  }
}

function remember(file: string, urls: readonly string[], logger: Logger): void {
  try {
    writeWhole(file, JSON.stringify(urls))
  } catch (error) {
    logger.warn('the list of API servers could not be kept', { error })
  }
}
