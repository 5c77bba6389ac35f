/** Attacks that take more of a node's memory and disk than a pod may have. */
import { readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { sandboxLevels, type SandboxLevel } from '../../src/api/sandbox-level.ts'
import { program, type AttackPods } from './attack-pods.ts'
import { until, type Cluster } from './cluster.ts'
import type { Verdict } from './verdict-table.ts'

export interface Attacked {
  readonly cluster: Cluster
  readonly pods: AttackPods
  readonly sizes: Sizes
}

export interface Sizes {
  readonly floodMiB: number
  /** Five segments of a log, twice that of what is not yet read, and something for everything else. */
  readonly logMiBMax: number
  readonly fillMiB: number
}

/** Those of a log with segments of 10 MiB. */
export const usualSizes: Sizes = { floodMiB: 512, logMiBMax: 160, fillMiB: 256 }

const memoryLimitMiB = 128

export async function takeMemory(pods: AttackPods, level: SandboxLevel): Promise<Verdict> {
  const name = `glutton-${level}`
  const take = `const kept = []; while (kept.length < ${memoryLimitMiB * 1.5}) kept.push(Buffer.alloc(1024 * 1024, 1)); console.log('taken')`
  const resources = { limits: { memory: `${memoryLimitMiB}Mi` } }
  await pods.start(name, level, { containers: [{ ...program('glutton', take), resources }] })
  const reason = await until(
    `${name} has ended`,
    () => pods.get(name)?.status?.containerStatuses?.[0]?.state?.terminated?.reason,
  )
  return reason === 'OOMKilled' ? 'held' : 'broken'
}

/** More than is kept of it is written; held when what is left of it stays within what is said. */
export async function floodLog({ cluster, pods, sizes }: Attacked, level: SandboxLevel): Promise<Verdict> {
  const { floodMiB, logMiBMax } = sizes
  const flood = `
    const chunk = Buffer.alloc(1024 * 1024, 'A line of nothing in particular.\\n')
    for (let written = 0; written < ${floodMiB}; written++) require('node:fs').writeSync(1, chunk)
    setInterval(() => {}, 1000)`
  const { metadata } = await pods.start(`flood-${level}`, level, { containers: [program('flood', flood)] })
  const folder = podFolder(cluster, metadata.uid)
  const isWritten = () => sizeOf(folder, 'size') >= floodMiB * 1024 * 1024 || undefined
  const isSmall = () => sizeOf(folder, 'blocks') * 512 <= logMiBMax * 1024 * 1024 || undefined
  await until('the flood is written', isWritten)
  return await until('little is left of it', isSmall, 100_000).then(
    () => 'held' as const,
    () => 'broken' as const,
  )
}

/**
 * They have a limit, and write where they can without being told where: to the folder for temporary files. The agent looks at all pods
 * together: when it has evicted one that came after them, who is still there stays.
 */
export async function fillDisks({ pods, sizes }: Attacked): Promise<ReadonlyMap<SandboxLevel, Verdict>> {
  const { fillMiB } = sizes
  const fill = `
    const fs = require('node:fs'), file = require('node:os').tmpdir() + '/sampan-attack-' + process.pid
    fs.writeFileSync(file, Buffer.alloc(${fillMiB} * 1024 * 1024, 1))
    console.log('FILLED ' + file)
    setInterval(() => {}, 1000)`
  const resources = { limits: { 'ephemeral-storage': `${fillMiB / 4}Mi` } }
  const start = (name: string, level: SandboxLevel) =>
    pods.start(name, level, { containers: [{ ...program('fill', fill), resources }] })
  const isEvicted = (name: string) =>
    pods.get(name)?.status?.reason === 'Evicted' ? ('held' as const) : undefined
  const filled = async (name: string) => /^FILLED (.*)$/m.exec(await pods.log(name))?.[1]
  const files = new Map<SandboxLevel, string | undefined>()
  try {
    for (const level of sandboxLevels) {
      const name = `fill-${level}`
      await start(name, level)
      await until(`${name} is evicted or through`, async () => {
        if (isEvicted(name)) return true
        files.set(level, await filled(name))
        return files.get(level) && true
      })
    }
    await start('fill-last', 'bubblewrap')
    await until('the last one is evicted', () => isEvicted('fill-last'), 120_000)
    const found = new Map<SandboxLevel, Verdict>()
    for (const level of sandboxLevels) {
      const within = until(`fill-${level} is evicted, too`, () => isEvicted(`fill-${level}`), 5_000)
      found.set(level, await within.catch(() => 'broken' as const))
    }
    return found
  } finally {
    const left = files.get('none')
    if (left !== undefined) rmSync(left, { force: true })
  }
}

/** Of the node. */
export const podFolder = (cluster: Cluster, uid = ''): string => join(cluster.dataDir, 'node', 'pods', uid)

/** Files with holes take less room than their size says. */
function sizeOf(folder: string, what: 'size' | 'blocks'): number {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  return files.reduce(
    (sum, file) => sum + (statSync(join(folder, file), { throwIfNoEntry: false })?.[what] ?? 0),
    0,
  )
}
