import { X509Certificate } from 'node:crypto'
import { existsSync } from 'node:fs'
import { connect, type DetailedPeerCertificate } from 'node:tls'
import { isStatusError } from '../api/status.ts'
import { realClock } from '../base/clock.ts'
import { realRandom } from '../base/ids.ts'
import { kubeconfigText, readKubeconfig } from '../client/kubeconfig.ts'
import { restClient } from '../client/rest-client.ts'
import { httpTransport } from '../client/transport-http.ts'
import { JoinRefusedError, requestCertificate } from '../node/join.ts'
import { NodeKeyError, openNodeKey } from '../node/node-key.ts'
import { CommandError } from './command-error.ts'
import { createDataDir, credentialOf, writeWhole, type DataDir } from './data-dir.ts'
import { caDigestOf, parseJoinToken, type JoinToken } from './join-token.ts'

export interface JoinOptions {
  /** `https://HOST:PORT` of a server. */
  readonly url: string
  /** Not needed where this data directory has joined before. */
  readonly token?: string
  readonly dir: DataDir
  readonly nodeName: string
  readonly env: NodeJS.ProcessEnv
  readonly print: (line: string) => void
}

const connectTimeoutMs = 10_000

/**
 * Makes this machine a node of the cluster: afterwards its data directory holds a kubeconfig for the agent. A machine
 * that has joined before keeps what it has. Throws `CommandError`.
 */
export async function join(options: JoinOptions): Promise<void> {
  const { dir, nodeName, token, url } = options
  createDataDir(dir)
  const pinned = token === undefined ? undefined : parseJoinToken(token)
  const file = credentialOf(dir, 'agent')
  if (await hasJoined(file, nodeName, pinned)) return
  if (!pinned)
    throw new CommandError(
      'this machine has not joined yet: give it a token with --token; `sampan token create` on the server prints one',
    )
  const ca = await fetchCa(url, pinned)
  try {
    const key = await openNodeKey(dir.node, options.env)
    const cert = await certificateFor(options, { ca, key, bearer: pinned.bearer })
    const keyPem = key.export({ type: 'pkcs8', format: 'pem' }).toString()
    writeWhole(file, kubeconfigText({ server: url, ca, cert, key: keyPem, user: `system:node:${nodeName}` }))
  } catch (error) {
    if (error instanceof JoinRefusedError || error instanceof NodeKeyError)
      throw new CommandError(error.message, { cause: error })
    if (isStatusError(error) && error.status.code === 401)
      throw new CommandError(
        'the server does not know this token, or its time is over: make a new one with `sampan token create`',
        { cause: error },
      )
    throw error
  }
}

interface Proof {
  readonly ca: string
  readonly key: Awaited<ReturnType<typeof openNodeKey>>
  readonly bearer: string
}

async function certificateFor(
  { nodeName, print, url }: JoinOptions,
  { ca, key, bearer }: Proof,
): Promise<string> {
  await using transport = httpTransport({ server: url, ca, token: bearer })
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => stop.abort(new Error('stopped')))
  return requestCertificate({
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
}

async function hasJoined(file: string, nodeName: string, pinned: JoinToken | undefined): Promise<boolean> {
  if (!existsSync(file)) return false
  const { ca = '', cert = '' } = await readKubeconfig(file)
  if (pinned && caDigestOf(ca) !== pinned.caDigest) return false // another cluster from now on
  const certificate = new X509Certificate(cert)
  const isOver = Date.parse(certificate.validTo) < realClock.now().getTime()
  return !isOver && certificate.subject.includes(`CN=system:node:${nodeName}`)
}

/** The CA that the server at `url` presents, if it is the one that the token names. Nothing is sent before that is known. */
async function fetchCa(url: string, { caDigest }: JoinToken): Promise<string> {
  const { hostname, port } = new URL(url)
  const presented = await new Promise<readonly Buffer[]>((resolve, reject) => {
    const host = hostname.replace(/^\[|\]$/g, '')
    const socket = connect({
      host,
      port: Number(port) || 443,
      rejectUnauthorized: false,
      timeout: connectTimeoutMs,
    })
    const fail = (why: string) => {
      socket.destroy()
      reject(
        new CommandError(
          `${url} can't be reached: ${why}. It is the TLS address of a server (--tls-listen, --advertise)`,
        ),
      )
    }
    socket.once('timeout', () => fail(`no answer within ${connectTimeoutMs / 1_000} s`))
    socket.once('error', ({ message }) => fail(message))
    socket.once('secureConnect', () => {
      resolve(chainOf(socket.getPeerCertificate(true)))
      socket.destroy()
    })
  })
  const ca = presented.find((certificate) => caDigestOf(certificate) === caDigest)
  if (!ca)
    throw new CommandError(
      `${url} is not a server of the cluster that the token is for, or somebody is in between: compare the address, and make a token on that very cluster`,
    )
  return new X509Certificate(ca).toString()
}

function chainOf(first: DetailedPeerCertificate): readonly Buffer[] {
  const chain: Buffer[] = []
  for (
    let at: DetailedPeerCertificate | undefined = first;
    at?.raw && chain.length < 10;
    at = at.issuerCertificate
  ) {
    if (chain.some((known) => known.equals(at?.raw ?? known))) break
    chain.push(at.raw)
  }
  return chain
}
