/**
 * Tokens with which pods speak to the API as their service account. Asked for once for all containers of a pod, asked for
 * anew when four fifths of a token's life are over. They stay in memory, here and in the volume.
 */
import type { Clock } from '../base/clock.ts'
import { describeError, type Logger } from '../base/logger.ts'
import type { Pod, ServiceAccountTokenProjection, TokenRequest } from '../api/schema/types.gen.ts'
import type { Client } from '../client/client.ts'

export interface TokenSource {
  /** Throws what the API answers, unless a token that still counts is at hand. */
  token(pod: Pod, wish: ServiceAccountTokenProjection): Promise<string>
}

const lifeSecondsDefault = 3_600
/** Part of its life after which a token is replaced; long-lived ones once a day, as kubelet does. */
const refreshPart = 0.8
const refreshMsMax = 24 * 3_600_000
/** Two for each pod that a node may run, and some. */
const tokensMax = 2_048

interface Held {
  readonly token: string
  readonly refreshAtMs: number
  readonly expiresAtMs: number
}

export function createTokenSource({
  client,
  clock,
  logger,
}: {
  readonly client: Client
  readonly clock: Clock
  readonly logger: Logger
}): TokenSource {
  const held = new Map<string, Held>()
  const asking = new Map<string, Promise<string>>()
  return {
    async token(pod, wish) {
      const { uid = '' } = pod.metadata
      const key = JSON.stringify([uid, pod.spec.serviceAccountName, wish.audience, wish.expirationSeconds])
      const present = held.get(key)
      const nowMs = clock.monotonicMs()
      if (present && nowMs < present.refreshAtMs) return present.token
      try {
        const answer = asking.get(key) ?? ask(client, pod, wish).finally(() => asking.delete(key))
        asking.set(key, answer)
        const token = await answer
        const lifeMs = (wish.expirationSeconds ?? lifeSecondsDefault) * 1_000
        held.delete(key)
        const refreshAtMs = nowMs + Math.min(lifeMs * refreshPart, refreshMsMax)
        held.set(key, { token, refreshAtMs, expiresAtMs: nowMs + lifeMs })
        const [oldest] = held.keys()
        if (held.size > tokensMax && oldest !== undefined) held.delete(oldest)
        return token
      } catch (error) {
        if (!present || nowMs >= present.expiresAtMs) throw error
        logger.warn('a token of a pod could not be renewed yet', { uid, error: describeError(error) })
        return present.token
      }
    },
  }
}

async function ask(
  client: Client,
  { metadata, spec }: Pod,
  { audience, expirationSeconds = lifeSecondsDefault }: ServiceAccountTokenProjection,
): Promise<string> {
  const { name = '', namespace = 'default', uid = '' } = metadata
  const account = encodeURIComponent(spec.serviceAccountName ?? 'default')
  const answer = await client.request<TokenRequest>({
    method: 'POST',
    path: `/api/v1/namespaces/${encodeURIComponent(namespace)}/serviceaccounts/${account}/token`,
    body: {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: {
        audiences: audience ? [audience] : [],
        expirationSeconds,
        boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid },
      },
    },
  })
  const token = answer.status?.token
  if (!token) throw new Error(`the answer to a token request of ${namespace}/${name} holds no token`)
  return token
}
