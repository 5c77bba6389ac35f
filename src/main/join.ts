import { X509Certificate, type KeyObject } from 'node:crypto'
import { existsSync } from 'node:fs'
import { isStatusError } from '../api/status.ts'
import { realClock } from '../base/clock.ts'
import { realRandom } from '../base/ids.ts'
import { silentLogger } from '../base/logger.ts'
import { createConnector, type ServerConnector } from '../client/connector.ts'
import { kubeconfigText, readKubeconfig } from '../client/kubeconfig.ts'
import { restClient } from '../client/rest-client.ts'
import { httpTransport } from '../client/transport-http.ts'
import { certificateOfOwn, JoinRefusedError, requestCertificate } from '../node/join.ts'
import { NodeKeyError, openNodeKey, publicKeyOf } from '../node/node-key.ts'
import { fetchCa } from './cluster-ca.ts'
import { CommandError } from './command-error.ts'
import { createDataDir, credentialOf, writeWhole, type DataDir } from './data-dir.ts'
import { holdDataDir } from './data-dir-hold.ts'
import { caDigestOf, parseCaDigest, parseJoinToken } from './join-token.ts'

export interface JoinOptions {
  /** `https://HOST:PORT` of a server. */
  readonly url: string
  /** Not needed where this data directory has joined before, or its key is on the cluster's list. */
  readonly token?: string
  /** `sha256:DIGEST` of the CA, for those who join without a token. */
  readonly caHash?: string
  readonly dir: DataDir
  readonly nodeName: string
  readonly env: NodeJS.ProcessEnv
  readonly print: (line: string) => void
}

/** How often a machine asks whether its key is on the list by now. */
const askAgainMs = 2_000

/**
 * Makes this machine a node of the cluster: afterwards its data directory holds a kubeconfig for the agent. A machine
 * that has joined before keeps what it has. Throws `CommandError`.
 */
export async function join(options: JoinOptions): Promise<void> {
  const { dir, nodeName, url } = options
  createDataDir(dir)
  using _ = await holdDataDir(dir, realClock)
  const pinned = pinOf(options)
  const file = credentialOf(dir, 'agent')
  if (await hasJoined(file, nodeName, pinned)) return
  if (!pinned)
    throw new CommandError(
      'this machine has not joined yet: give it a token with --token; `sampan token create` on the server prints one. A machine whose key is on the list (`sampan node allow`) joins with --ca-hash instead',
    )
  const connector = createConnector({ env: options.env, clock: realClock, logger: silentLogger })
  const ca = await fetchCa(connector, url, pinned.caDigest)
  try {
    const key = await openNodeKey(dir.node, options.env)
    const cert = await certificateFor(options, { ca, key, bearer: pinned.bearer, connector })
    const keyPem = pemOf(key)
    writeWhole(file, kubeconfigText({ server: url, ca, cert, key: keyPem, user: `system:node:${nodeName}` }))
  } catch (error) {
    if (error instanceof JoinRefusedError || error instanceof NodeKeyError)
      throw new CommandError(error.message, { cause: error })
    if (isUnknown(error))
      throw new CommandError(
        'the server does not know this token, or its time is over: make a new one with `sampan token create`',
        { cause: error },
      )
    throw error
  }
}

interface Pin {
  readonly caDigest: string
  /** Without it the machine's key has to do. */
  readonly bearer?: string
}

/** Throws `CommandError`. */
export function pinOf({ caHash, token }: Pick<JoinOptions, 'caHash' | 'token'>): Pin | undefined {
  if (token === undefined) return caHash === undefined ? undefined : { caDigest: parseCaDigest(caHash) }
  const given = parseJoinToken(token)
  if (caHash !== undefined && parseCaDigest(caHash) !== given.caDigest)
    throw new CommandError('--token and --ca-hash are of two clusters: the token holds the digest already')
  return given
}

interface Proof {
  readonly ca: string
  readonly key: KeyObject
  readonly bearer: string | undefined
  readonly connector: ServerConnector
}

async function certificateFor(options: JoinOptions, proof: Proof): Promise<string> {
  const { bearer, ca, connector, key } = proof
  const { nodeName, print, url } = options
  const shown =
    bearer === undefined
      ? { cert: await certificateOfOwn(key, realClock), key: pemOf(key) }
      : { token: bearer }
  await using transport = httpTransport({ server: url, ca, connector, ...shown })
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => stop.abort(new Error('stopped')))
  for (let isTold = false; ; await realClock.sleep(askAgainMs, stop.signal)) {
    try {
      return await requestCertificate({
        client: restClient(transport, 'sampan-join'),
        nodeName,
        key,
        onWaiting: (name) =>
          print(
            `waiting: another machine has joined as ${nodeName}. Take another --name, or let this one have it: kubectl certificate approve ${name}`,
          ),
        clock: realClock,
        random: realRandom,
        signal: stop.signal,
      })
    } catch (error) {
      if (bearer !== undefined || !isUnknown(error)) throw error
      if (!isTold)
        print(
          `waiting: this machine's key is not on the cluster's list. On a server: sampan node allow ${publicKeyOf(key)} --as ${nodeName}`,
        )
      isTold = true
    }
  }
}

const isUnknown = (error: unknown): boolean => isStatusError(error) && error.status.code === 401

const pemOf = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }).toString()

async function hasJoined(file: string, nodeName: string, pinned: Pin | undefined): Promise<boolean> {
  if (!existsSync(file)) return false
  const { ca = '', cert = '' } = await readKubeconfig(file)
  if (pinned && caDigestOf(ca) !== pinned.caDigest) return false // another cluster from now on
  const certificate = new X509Certificate(cert)
  const isOver = Date.parse(certificate.validTo) < realClock.now().getTime()
  return !isOver && certificate.subject.includes(`CN=system:node:${nodeName}`)
}
