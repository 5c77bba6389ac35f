/** What the node remembers of itself between runs: its loopback block, and the range it was last given. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Random } from '../base/ids.ts'
import { loopbackBlockBits, parseCIDR } from '../api/pod-address.ts'
import { readJson } from './pod-records.ts'
import { writeFileAtomic } from './write-file.ts'

export interface NodeIdentity {
  /** `127.A.B.0/22`. Random, so that several nodes on one machine seldom meet; never changes. */
  readonly loopbackBlock: string
  readonly podCIDR?: string
  /** The data port's, so that a rule of a firewall stays good. */
  readonly dataPort?: number
}

const firstOctets = { min: 64, count: 64 } // 127.64 to 127.127: away from 127.0.0.1 and 127.0.1.1, and from 127.0.0.53

const fileOf = (dataDir: string): string => join(dataDir, 'node.json')

export async function readNodeIdentity(dataDir: string, random: Random): Promise<NodeIdentity> {
  await mkdir(dataDir, { recursive: true, mode: 0o711 })
  const known = await readJson<NodeIdentity>(fileOf(dataDir))
  if (known && parseCIDR(known.loopbackBlock)) return known
  const a = firstOctets.min + Math.floor(random.float() * firstOctets.count)
  const b = Math.floor(random.float() * 64) * 4
  const fresh = { loopbackBlock: `127.${a}.${b}.0/${loopbackBlockBits}` }
  await writeNodeIdentity(dataDir, fresh)
  return fresh
}

export const writeNodeIdentity = (dataDir: string, identity: NodeIdentity): Promise<void> =>
  writeFileAtomic(fileOf(dataDir), JSON.stringify(identity))
