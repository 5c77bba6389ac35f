/** What hostile pods attack beside each other and their agent. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root } from './cluster.ts'
import type { Host } from './hosts.ts'

export interface Target extends AsyncDisposable {
  readonly loopback: number
  readonly metadata: number
  readonly shared: number
  readonly registry: string
  readonly dataDir: string
  /** What hostile packages try to write into. */
  readonly planted: string
}

/** What there is to attack on a host, which has the address of a cloud's metadata for itself. */
export async function openTarget(host: Host): Promise<Target> {
  const folder = mkdtempSync(join(tmpdir(), 'sampan-e2e-'))
  const [dataDir, planted] = [join(folder, 'sampan'), join(folder, 'planted')]
  for (const path of [dataDir, planted]) mkdirSync(path)
  host.run('ip', ['addr', 'replace', '169.254.169.254/32', 'dev', 'lo'])
  const script = join(root, 'tests', 'support', 'attacked-host.ts')
  const [program, args] = host.command(process.execPath, [script, planted])
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'exit')
  const line = await Promise.race([
    once(child.stdout, 'data').then(([chunk]) => String(chunk)),
    ended.then(() => Promise.reject(new Error('what is to be attacked could not be started'))),
  ])
  return {
    ...(JSON.parse(line) as Pick<Target, 'loopback' | 'metadata' | 'registry' | 'shared'>),
    dataDir,
    planted,
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM')
      await ended
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

export const pod = (name: string, spec: object) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: { restartPolicy: 'Never', terminationGracePeriodSeconds: 0, ...spec },
})
