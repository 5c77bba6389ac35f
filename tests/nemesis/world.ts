/** Two API servers on a replicated store, and all that can happen to them. */
import type { Random } from '../../src/base/ids.ts'
import type { Store } from '../../src/store/store.ts'
import type { Fault } from './nemesis.ts'
import { bothWays, type Network } from './network.ts'
import type { Api } from '../support/history/servers.ts'
import type { Replicas } from './replicas.ts'

export interface World extends AsyncDisposable {
  readonly replicas: Pick<Replicas, keyof Api | 'problems'>
  readonly faults: readonly Fault[]
  /** A connection of our own, to compact with. */
  readonly store: Store
  /** What the engine itself has: the revision of each ConfigMap by its key. Not asked through a store of ours. */
  rawRevisions(): Promise<ReadonlyMap<string, number>>
}

/** `/registry/core/configmaps/NAMESPACE/NAME` as `NAMESPACE/NAME`; undefined for others. */
export const keyOfRaw = (path: string): string | undefined => /\/configmaps\/([^/]+\/[^/]+)$/.exec(path)?.[1]

export const pick = <T>(all: readonly T[], random: Random): T =>
  all[Math.floor(random.float() * all.length)] as T

export const stopMsMax = 6_000
export const cutMsMax = 7_000
/** Longer than stores wait for an answer: then it never comes, whatever TCP sends again. */
const lostMsMax = 13_000

/** What happens to API servers whatever their store is. `stores` are the addresses that they reach it by. */
export function replicaFaults(
  replicas: Replicas,
  {
    network,
    places,
    stores,
  }: {
    readonly network: Network
    readonly places: readonly { readonly address: string }[]
    readonly stores: readonly string[]
  },
): readonly Fault[] {
  const any = (random: Random) => Math.floor(random.float() * replicas.replicas)
  return [
    {
      name: 'kill -9 of a server',
      part: 'servers',
      msMax: 4_000,
      async begin(random) {
        if (!replicas.signal(any(random), 'SIGKILL')) return undefined
        return async () => {} // its supervisor starts it again
      },
    },
    {
      name: 'kill -9 of both servers',
      part: 'servers',
      msMax: 4_000,
      async begin() {
        const killed = Array.from({ length: replicas.replicas }, (_, i) => replicas.signal(i, 'SIGKILL'))
        return killed.includes(true) ? async () => {} : undefined
      },
    },
    {
      name: 'SIGSTOP of a server',
      part: 'servers',
      msMax: stopMsMax,
      async begin(random) {
        const replica = any(random)
        if (!replicas.signal(replica, 'SIGSTOP')) return undefined
        return async () => void replicas.signal(replica, 'SIGCONT')
      },
    },
    ...(['all', 'requests', 'answers'] as const).map((what): Fault => ({
      name: `partition of a server and the store (${what} lost)`,
      part: 'network',
      msMax: lostMsMax,
      async begin(random) {
        const { address } = pick(places, random)
        for (const store of stores)
          for (const [i, way] of bothWays({ from: address, to: store }).entries())
            if (what === 'all' || what === (i === 0 ? 'requests' : 'answers')) await network.drop(way)
        return () => network.heal()
      },
    })),
  ]
}
