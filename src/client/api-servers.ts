/**
 * How the servers of a cluster are found: each keeps a Lease in `kube-system` that names its URL, under the label that
 * Kubernetes gives such Leases. Agents and gateways read them, and remember them for the day on which the server that
 * they knew first is gone.
 */
import { leases } from '../api/resources/leases.ts'
import type { Lease } from '../api/schema/types.gen.ts'
import { isNotFound } from '../api/status.ts'
import type { Clock } from '../base/clock.ts'
import { deadlineSignal } from '../base/deadline.ts'
import { describeError, type Logger } from '../base/logger.ts'
import type { Client } from './client.ts'

const namespace = 'kube-system'
const identityLabel = 'apiserver.kubernetes.io/identity'
const identityValue = 'kube-apiserver'
const urlAnnotation = 'sampan.dev/url'

const renewMs = 5_000
const renewTimeoutMs = 5_000
const leaseSeconds = 20
/** A Lease that nobody has touched for this long, by the observer's own clock, is of a server that is gone. */
const goneMs = 60_000
/** Also how late a new server is heard of. */
const lookMs = 10_000

export interface ServerLeaseOptions {
  /** Of the server itself, with the rights of a master. */
  readonly client: Client
  /** Unique among the servers, the same at each start. */
  readonly name: string
  /** `https://HOST:PORT`, as agents and gateways reach it. */
  readonly url: string
  readonly clock: Clock
  readonly logger: Logger
}

/** Keeps the server's Lease until `signal` aborts, then removes it; removes those of servers that are long gone. Never rejects. */
export async function keepServerLease(options: ServerLeaseOptions, signal: AbortSignal): Promise<void> {
  const { client, clock, logger, name } = options
  const api = client.resource<Lease>(leases)
  const seen = new Map<string, { readonly version: string | undefined; readonly atMs: number }>()
  const removeGone = async (withSignal: AbortSignal) => {
    const { items } = await api.list({ ...ownLeases, signal: withSignal })
    for (const { metadata } of items) {
      const { name: other = '', resourceVersion, uid = '' } = metadata
      const known = seen.get(other)
      const nowMs = clock.monotonicMs()
      if (known?.version !== resourceVersion) seen.set(other, { version: resourceVersion, atMs: nowMs })
      else if (known && nowMs - known.atMs > goneMs && resourceVersion !== undefined)
        await api.delete(other, { namespace, uid, resourceVersion, signal: withSignal })
    }
    const present = new Set(items.map(({ metadata }) => metadata.name ?? ''))
    for (const other of seen.keys()) if (!present.has(other)) seen.delete(other)
  }
  while (!signal.aborted) {
    using deadline = deadlineSignal(clock, renewTimeoutMs, signal)
    try {
      await renew(options, deadline.signal)
      await removeGone(deadline.signal)
    } catch (error) {
      if (!signal.aborted)
        logger.warn("this server's Lease could not be renewed", { error: describeError(error) })
    }
    await clock.sleep(renewMs, signal).catch(() => {}) // aborted: the loop ends
  }
  using deadline = deadlineSignal(clock, renewTimeoutMs)
  await api.delete(name, { namespace, signal: deadline.signal }).catch((error: unknown) => {
    logger.debug("this server's Lease stays until others remove it", { error: describeError(error) })
  })
}

const ownLeases = { namespace, labelSelector: `${identityLabel}=${identityValue}` }

async function renew({ client, clock, name, url }: ServerLeaseOptions, signal: AbortSignal): Promise<void> {
  const api = client.resource<Lease>(leases)
  const spec = {
    holderIdentity: name,
    leaseDurationSeconds: leaseSeconds,
    renewTime: clock.now().toISOString().replace('Z', '000Z'), // MicroTime
  }
  const annotations = { [urlAnnotation]: url }
  try {
    await api.patch(name, 'merge', { metadata: { annotations }, spec }, { namespace, signal })
  } catch (error) {
    if (!isNotFound(error)) throw error
    const metadata = { name, namespace, labels: { [identityLabel]: identityValue }, annotations }
    await api.create({ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec }, { signal })
  }
}

export interface FollowServersOptions {
  readonly client: Client
  /** Called with all URLs, sorted, at first and after each change; never with none. */
  readonly onServers: (urls: readonly string[]) => void
  readonly clock: Clock
  readonly logger: Logger
}

/** Looks at the servers' Leases every few seconds until `signal` aborts. Never rejects. */
export async function followServers(
  { client, onServers, clock, logger }: FollowServersOptions,
  signal: AbortSignal,
): Promise<void> {
  let told = ''
  while (!signal.aborted) {
    using deadline = deadlineSignal(clock, renewTimeoutMs, signal)
    try {
      const { items } = await client.resource<Lease>(leases).list({ ...ownLeases, signal: deadline.signal })
      const found = items.flatMap(({ metadata }) => metadata.annotations?.[urlAnnotation] ?? [])
      const urls = [...new Set(found.filter((url) => URL.canParse(url)))].toSorted()
      if (urls.length > 0 && urls.join() !== told) {
        told = urls.join()
        onServers(urls)
      }
    } catch (error) {
      if (!signal.aborted) logger.debug('the API servers can not be listed', { error: describeError(error) })
    }
    await clock.sleep(lookMs, signal).catch(() => {}) // aborted: the loop ends
  }
}
