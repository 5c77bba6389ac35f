/** Three members of etcd, each in a network and on a disk of its own, under two API servers. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { realClock } from '../../src/base/clock.ts'
import { silentLogger } from '../../src/base/logger.ts'
import { openStore } from '../../src/store/open.ts'
import { startEtcdCluster, type EtcdCluster, type EtcdMember } from '../support/etcd.ts'
import { openDisk, type Disk } from './disk.ts'
import type { Fault } from './nemesis.ts'
import { bothWays, openNetwork, type Network } from './network.ts'
import { openReplicas } from './replicas.ts'
import { cutMsMax, keyOfRaw, pick, replicaFaults, stopMsMax, type World } from './world.ts'
import type { Random } from '../../src/base/ids.ts'

/** Two files of the log, which etcd makes 64 MB large in advance, and the database. */
const diskMegabytes = 400
const memberNames = ['m1', 'm2', 'm3'] as const
const serverNames = ['s1', 's2'] as const

export async function openEtcdWorld(): Promise<World> {
  await using stack = new AsyncDisposableStack()
  const folder = mkdtempSync(join(tmpdir(), 'sampan-nemesis-etcd-'))
  stack.defer(() => rmSync(folder, { recursive: true, force: true }))
  const network = stack.use(await openNetwork([...memberNames, ...serverNames]))
  const disks = new Map<string, Disk>()
  for (const name of memberNames)
    disks.set(name, stack.use(await openDisk(join(folder, name), diskMegabytes)))
  const hosts = memberNames.map((name) => network.host(name))
  const cluster = stack.use(await startEtcdCluster({ hosts, folder }))
  const url = `etcd://${cluster.endpoints}`
  const places = serverNames.map((name) => network.host(name))
  const replicas = stack.use(await openReplicas(url, places))
  const store = stack.use(await openStore(url, { clock: realClock, logger: silentLogger }))
  const stores = hosts.map(({ address }) => address)
  const owned = stack.move()
  return {
    replicas,
    store,
    faults: [
      ...replicaFaults(replicas, { network, places, stores }),
      ...processFaults(cluster),
      ...networkFaults(cluster, network),
      ...diskFaults(cluster, disks),
    ],
    async rawRevisions() {
      interface Answer {
        readonly kvs: readonly { readonly key: string; readonly mod_revision: number }[]
      }
      const { kvs } = JSON.parse(cluster.ctl(['get', '--prefix', '/sampan/', '-w', 'json'])) as Answer
      return new Map(
        kvs.flatMap(({ key, mod_revision: revision }) => {
          const name = keyOfRaw(Buffer.from(key, 'base64').toString('utf8'))
          return name === undefined ? [] : [[name, revision] as const]
        }),
      )
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** The member that leads, as far as any says so in time. Not with etcdctl, for which this process would stand still. */
async function leaderOf({ members }: EtcdCluster): Promise<EtcdMember | undefined> {
  const says = await Promise.all(
    members.map(async ({ endpoint }) => {
      try {
        const answer = await fetch(`http://${endpoint}/metrics`, { signal: AbortSignal.timeout(1_000) })
        return /^etcd_server_is_leader 1$/m.test(await answer.text())
      } catch {
        return false // it is away, so it leads nobody
      }
    }),
  )
  return members.find((_, i) => says[i])
}

type Choose = (cluster: EtcdCluster, random: Random) => Promise<readonly EtcdMember[]>
const choices: readonly (readonly [string, Choose])[] = [
  ['a member of etcd', async ({ members }, random) => [pick(members, random)]],
  [
    'the leader of etcd',
    async (cluster) => [await leaderOf(cluster)].filter((member) => member !== undefined),
  ],
  ['all members of etcd', async ({ members }) => members],
]

function processFaults(cluster: EtcdCluster): readonly Fault[] {
  return choices.flatMap(([whom, choose]): Fault[] => [
    {
      name: `kill -9 of ${whom}`,
      part: 'members',
      msMax: 4_000,
      async begin(random) {
        const chosen = await choose(cluster, random)
        await Promise.all(chosen.map((member) => member.signal('SIGKILL')))
        if (chosen.length === 0) return undefined
        return async () => chosen.forEach((member) => member.start())
      },
    },
    {
      name: `SIGSTOP of ${whom}`,
      part: 'members',
      msMax: stopMsMax,
      async begin(random) {
        const chosen = await choose(cluster, random)
        for (const member of chosen) await member.signal('SIGSTOP')
        if (chosen.length === 0) return undefined
        return async () => {
          for (const member of chosen) await member.signal('SIGCONT')
        }
      },
    },
  ])
}

const hostOf = ({ endpoint }: EtcdMember): string => endpoint.split(':')[0] ?? ''

/** Between members only: API servers still reach the one that is cut off, and must not believe it. */
function networkFaults(cluster: EtcdCluster, network: Network): readonly Fault[] {
  const { members } = cluster
  const isolate = async (member: EtcdMember | undefined) => {
    if (!member) return undefined
    for (const other of members)
      if (other !== member)
        for (const way of bothWays({ from: hostOf(member), to: hostOf(other) })) await network.drop(way)
    return () => network.heal()
  }
  const fault = (name: string, begin: Fault['begin']): Fault => ({
    name,
    part: 'network',
    msMax: cutMsMax,
    begin,
  })
  return [
    fault('a member of etcd cut off from the others', (random) => isolate(pick(members, random))),
    fault('the leader of etcd cut off from the others', async () => isolate(await leaderOf(cluster))),
    fault('two members of etcd cut off from each other', async (random) => {
      const from = pick(members, random)
      const to = pick(
        members.filter((member) => member !== from),
        random,
      )
      for (const way of bothWays({ from: hostOf(from), to: hostOf(to) })) await network.drop(way)
      return () => network.heal()
    }),
    fault('the leader of etcd heard but deaf', async () => {
      const leader = await leaderOf(cluster)
      if (!leader) return undefined
      for (const other of members)
        if (other !== leader) await network.drop({ from: hostOf(other), to: hostOf(leader) })
      return () => network.heal()
    }),
  ]
}

function diskFaults({ members }: EtcdCluster, disks: ReadonlyMap<string, Disk>): readonly Fault[] {
  const diskOf = ({ name }: EtcdMember) => disks.get(name) as Disk
  const slow = (name: string, choose: (random: Random) => readonly EtcdMember[]): Fault => ({
    name,
    part: 'members',
    msMax: 6_000,
    async begin(random) {
      const chosen = choose(random).filter(({ pid }) => pid > 0)
      for (const member of chosen) if (!diskOf(member).slow([member.pid], 10)) return undefined
      return async () => chosen.forEach((member) => diskOf(member).fast([member.pid]))
    },
  })
  return [
    {
      name: 'full disk of a member of etcd',
      part: 'members',
      msMax: 5_000,
      async begin(random) {
        const member = pick(members, random)
        diskOf(member).fill()
        return async () => {
          diskOf(member).free()
          // etcd ends when its log can't be written.
          await member.signal('SIGKILL')
          member.start()
        }
      },
    },
    slow('slow disk of a member of etcd', (random) => [pick(members, random)]),
    slow('slow disks of all members of etcd', () => members),
  ]
}
