import type { Secret } from '../api/schema/types.gen.ts'
import { secrets } from '../api/resources/secrets.ts'
import { isNotFound } from '../api/status.ts'
import { realClock } from '../base/clock.ts'
import { realRandom } from '../base/ids.ts'
import type { ResourceClient } from '../client/client.ts'
import { isLoopback, withoutBrackets } from '../client/http-proxy.ts'
import { readKubeconfig } from '../client/kubeconfig.ts'
import { restClient } from '../client/rest-client.ts'
import { httpTransport } from '../client/transport-http.ts'
import { CommandError } from './command-error.ts'
import type { DataDir } from './data-dir.ts'
import { caDigestOf, formatJoinToken } from './join-token.ts'

const tokenType = 'bootstrap.kubernetes.io/token'
/** As long as kubeadm's. */
export const tokenLifeDefault = '24h'

interface TokenOutput {
  /** The token, and nothing else. */
  readonly print: (line: string) => void
  /** For the person who asked: what to do with it. */
  readonly hint: (line: string) => void
}

/** `sampan token create`: a token that lets machines join for a while. Removes those whose time is over. */
export async function createToken(dir: DataDir, lifeMs: number, { hint, print }: TokenOutput): Promise<void> {
  const kubeconfig = await readKubeconfig(dir.kubeconfig)
  if (kubeconfig.ca === undefined)
    throw new CommandError(`${dir.kubeconfig} names no CA: use the data directory of a server`)
  await using transport = httpTransport(kubeconfig)
  const [id, secret] = [letters(6), letters(16)]
  const expiration = new Date(realClock.now().getTime() + lifeMs).toISOString().replace(/\.\d+Z$/, 'Z')
  const made: Secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    type: tokenType,
    metadata: { name: `bootstrap-token-${id}`, namespace: 'kube-system' },
    stringData: {
      'token-id': id,
      'token-secret': secret,
      expiration,
      'usage-bootstrap-authentication': 'true',
      description: 'made by sampan token create',
    },
  }
  const api = restClient(transport, 'sampan-token').resource<Secret>(secrets)
  await removeExpired(api)
  await api.create(made)
  print(formatJoinToken({ bearer: `${id}.${secret}`, caDigest: caDigestOf(kubeconfig.ca) }))
  hint(`until ${expiration}, on the machine that joins: sampan join ${kubeconfig.server} --token TOKEN`)
  if (isLoopback(withoutBrackets(new URL(kubeconfig.server).hostname)))
    hint(
      `no other machine reaches ${kubeconfig.server}: for those, start this server with --tls-listen 0.0.0.0:18888 --advertise https://HOST:18888`,
    )
}

async function removeExpired(api: ResourceClient<Secret>): Promise<void> {
  const { items } = await api.list({ namespace: 'kube-system', fieldSelector: `type=${tokenType}` })
  const nowMs = realClock.now().getTime()
  for (const { data, metadata } of items) {
    const expiration = Buffer.from(data?.['expiration'] ?? '', 'base64').toString('utf8')
    if (!(Date.parse(expiration) < nowMs)) continue
    await api.delete(metadata.name ?? '', { namespace: 'kube-system' }).catch((error: unknown) => {
      if (!isNotFound(error)) throw error
    })
  }
}

/** Digits and lower case letters, evenly: five bits of each secret byte. */
const letters = (count: number): string =>
  [...Buffer.from(realRandom.token(count), 'base64url')].map((byte) => (byte % 32).toString(32)).join('')
