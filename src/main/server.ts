import { createHash } from 'node:crypto'
import { networkInterfaces } from 'node:os'
import { realClock } from '../base/clock.ts'
import { realRandom } from '../base/ids.ts'
import type { Logger } from '../base/logger.ts'
import { createMetrics } from '../base/metrics.ts'
import { addProcessMetrics } from '../base/process-metrics.ts'
import { apiServiceHosts } from '../api/cluster-names.ts'
import { resources } from '../api/table.ts'
import {
  openServerCertificate,
  readCertificateRequest,
  signCertificateRequest,
  type KeyPair,
} from '../apiserver/certificates.ts'
import { ClusterKeysError, openClusterKeys } from '../apiserver/cluster-keys.ts'
import { listenApi } from '../apiserver/listen.ts'
import { openNodeTunnels } from '../apiserver/node-tunnels.ts'
import { openApiServer, type ApiServer } from '../apiserver/server.ts'
import { createTokenSigner } from '../apiserver/stages/service-account-tokens.ts'
import { mastersGroup, staticAuthenticator } from '../apiserver/stages/authenticate.ts'
import { createQueueMetrics } from '../client/queue-metrics.ts'
import { keepServerLease } from '../client/api-servers.ts'
import type { Client } from '../client/client.ts'
import { readMachineIdentity } from '../client/machine-identity.ts'
import { restClient } from '../client/rest-client.ts'
import { localTransport } from '../client/transport-local.ts'
import { CertificateRequestError, type CertificateSigner } from '../controllers/certificate-requests.ts'
import { openStore } from '../store/open.ts'
import { isStoreError, type Store, type StoreError } from '../store/store.ts'
import { openBackups } from './backups.ts'
import { CommandError } from './command-error.ts'
import { endProcess, watchCertificate } from './credential-renewal.ts'
import { openControlLoops } from './control-loops.ts'
import { adminToken, serverToken, writeCredentials } from './credentials.ts'
import { dataDir, type DataDir } from './data-dir.ts'
import { formatListen, listenError, type ListenAddress } from './listen-address.ts'
import type { Begin } from './messages.ts'
import type { ProcessRoot } from './process.ts'
import { openSealedSecrets } from './secret-sealing.ts'

/** A predecessor that was just killed may hold the store for another moment. */
const busyRetryMs = 10_000

/** The server process: the API over the store, and the control loops that work through it. */
export const serverRoot: ProcessRoot = {
  name: 'server',
  async start(begin, logger) {
    await using stack = new AsyncDisposableStack()
    const [clock, random] = [realClock, realRandom]
    const dir = dataDir(begin.dataDir)
    const store = stack.use(await openStoreOf(begin, dir, logger))
    const { ca, signingKey } = await openKeys(store, begin, dir)
    const certificate = { directory: dir.pki, ca, hosts: hostsOf(begin), clock }
    const own = await openServerCertificate(certificate)
    const nodes = stack.use(openNodeTunnels({ clock, logger }))
    const admin = { name: 'admin', groups: [mastersGroup] }
    const authenticate = staticAuthenticator([{ token: adminToken(dir, random), user: admin }])
    const signer = createTokenSigner(signingKey)
    const metrics = createMetrics()
    addProcessMetrics(metrics)
    const token = () => serverToken(dir, begin.serverToken, random)
    const sealed = stack.use(await openSealedSecrets({ store, dir, token, logger }))
    const backups = stack.use(await openBackups({ store, schedule: begin.backups, logger }))
    const ownPaths = new Map([...sealed.paths, ...backups.paths])
    const parts = { authenticate, signer, defaultRoles: true, nodes, metrics, ownPaths }
    const api = { ...parts, resources, store: sealed.store, clock, random, logger }
    const server = stack.use(await openApiServer(api))
    const listener = stack.use(await listen(server, begin, { ca, own }, logger))
    const listenAt = { ...begin.listen, port: listener.httpPort ?? 0 }
    const tlsListen = { ...begin.tlsListen, port: listener.tlsPort ?? 0 }
    const url = begin.advertise ?? `https://${formatListen(reachable(tlsListen))}`
    const credentials = { dir, ca, server: url, nodeName: begin.nodeName, clock }
    await writeCredentials(credentials)

    const user = { name: 'system:sampan-controllers', groups: [mastersGroup] }
    const client = restClient(
      localTransport((request) => server.handle(request), user),
      'sampan-controllers',
    )
    stack.use(
      openControlLoops({
        client,
        resources,
        rootCertificate: ca.cert,
        signer: signerOf(ca),
        isShared: store.capabilities.shared,
        queueMetrics: createQueueMetrics(metrics),
        clock,
        random,
        logger,
      }),
    )
    stack.use(
      watchCertificate({
        certificate: own.cert,
        present: async () => {
          await writeCredentials(credentials)
          return (await openServerCertificate(certificate)).cert
        },
        onRenewed: endProcess,
        clock,
        logger,
      }),
    )
    // Last, so that it goes first: whoever is told of this server finds it at work.
    if (store.capabilities.shared) stack.use(openServerLease({ client, url, dir, logger }))
    const owned = stack.move()
    return {
      ready: {
        line: `api         https://${formatListen(tlsListen)} and http://${formatListen(listenAt)}`,
        listen: listenAt,
        tlsListen,
      },
      [Symbol.asyncDispose]: () => owned.disposeAsync(),
    }
  },
}

async function openStoreOf(begin: Begin, dir: DataDir, logger: Logger): Promise<Store> {
  const url = begin.store === 'sqlite:' ? `sqlite:${dir.database}` : begin.store
  const deadlineMs = realClock.monotonicMs() + busyRetryMs
  // Without what follows, which may be a password.
  logger.info('opening the store', { kind: url.slice(0, url.indexOf(':')) })
  for (;;) {
    try {
      return await openStore(url, { clock: realClock, logger, onGivenUp: endForStore(logger) })
    } catch (error) {
      if (!isStoreError(error)) throw error
      if (error.code !== 'busy' || realClock.monotonicMs() > deadlineMs)
        throw new CommandError(error.message, { cause: error })
      await realClock.sleep(50)
    }
  }
}

/** At once: whatever it answered now would be of a history that is no more. Its supervisor starts a new one. */
const endForStore = (logger: Logger) => (error: StoreError) => {
  logger.error('ends, to begin anew with what the store has', { error: error.message })
  process.stderr.write(`sampan: ${error.message}\n`)
  process.exit(1)
}

const signerOf = (ca: KeyPair): CertificateSigner => ({
  async read(request) {
    try {
      return await readCertificateRequest(request)
    } catch (cause) {
      throw new CertificateRequestError(`no request for a certificate: ${(cause as Error).message}`, {
        cause,
      })
    }
  },
  sign: (request, options) => signCertificateRequest(request, { ca, ...options, clock: realClock }),
})

interface ServerLease {
  readonly client: Client
  readonly url: string
  readonly dir: DataDir
  readonly logger: Logger
}

/** Tells agents and gateways of this server. The name is the same at each start. */
function openServerLease({ client, url, dir, logger }: ServerLease): AsyncDisposable {
  const identity = `${readMachineIdentity()} ${dir.root}`
  const name = `apiserver-${createHash('sha256').update(identity).digest('hex').slice(0, 16)}`
  const stop = new AbortController()
  const running = keepServerLease({ client, name, url, clock: realClock, logger }, stop.signal)
  return {
    async [Symbol.asyncDispose]() {
      stop.abort()
      await running
    },
  }
}

async function openKeys(store: Store, begin: Begin, dir: DataDir) {
  const token = () => serverToken(dir, begin.serverToken, realRandom)
  try {
    const where = { directory: dir.pki, store, serverToken: token }
    return await openClusterKeys({ ...where, clock: realClock, random: realRandom })
  } catch (error) {
    throw error instanceof ClusterKeysError ? new CommandError(error.message, { cause: error }) : error
  }
}

async function listen(
  server: ApiServer,
  begin: Begin,
  { ca, own }: { readonly ca: KeyPair; readonly own: KeyPair },
  logger: Logger,
) {
  // The CA goes along: who joins knows its digest and not yet the certificate.
  const tls = { ...begin.tlsListen, cert: `${own.cert}\n${ca.cert}`, key: own.key, ca: ca.cert }
  const secure = await listenApi({ server, clock: realClock, logger, tls }).catch((error: unknown) => {
    throw listenError(error, begin.tlsListen, '--tls-listen')
  })
  const { carry } = secure
  const plain = await listenApi({
    server,
    clock: realClock,
    logger,
    http: begin.listen,
    ...(carry && { carry }),
  }).catch(async (error: unknown) => {
    await secure[Symbol.asyncDispose]()
    throw listenError(error, begin.listen, '--listen')
  })
  return {
    httpPort: plain.httpPort,
    tlsPort: secure.tlsPort,
    async [Symbol.asyncDispose]() {
      await Promise.all([plain[Symbol.asyncDispose](), secure[Symbol.asyncDispose]()])
    },
  }
}

/** Names and addresses that the server's certificate has to be valid for. */
const hostsOf = ({ advertise, tlsListen }: Begin): readonly string[] => [
  ...new Set([
    'localhost',
    '127.0.0.1',
    '::1',
    ...apiServiceHosts,
    ...(isWildcard(tlsListen.host) ? machineAddresses() : [tlsListen.host]),
    ...(advertise === undefined ? [] : [new URL(advertise).hostname.replace(/^\[|\]$/g, '')]),
  ]),
]

/** Those that other machines may know this one by. */
const machineAddresses = (): readonly string[] =>
  Object.values(networkInterfaces()).flatMap((addresses = []) =>
    addresses.filter(({ internal, scopeid }) => !internal && !scopeid).map(({ address }) => address),
  )

/** Who listens everywhere is reached on loopback by those beside it. */
const reachable = (address: ListenAddress): ListenAddress =>
  isWildcard(address.host) ? { ...address, host: '127.0.0.1' } : address

const isWildcard = (host: string): boolean => host === '0.0.0.0' || host === '::'
