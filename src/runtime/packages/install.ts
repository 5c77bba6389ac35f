import type { PackageCacheOptions, Progress } from './prepared.ts'
import { redact } from './failures.ts'
import type { Job } from './install-worker.ts'
import type { NpmConfig } from './npm-config.ts'
import { type Installed, runWorker } from './run-worker.ts'
import type { SharedWork } from './shared-work.ts'

export interface Context extends PackageCacheOptions {
  readonly npm: NpmConfig
  readonly work: SharedWork<Installed, Progress>
}

export interface Call extends Context {
  readonly signal: AbortSignal
  readonly onProgress: (progress: Progress) => void
}

const installTimeoutMsDefault = 5 * 60_000

/** How to speak of the work. */
export interface Wording {
  readonly name: string
  readonly version: string
  readonly step: 'installing' | 'installing-node'
  readonly message: (exactVersion: string) => string
}

/** Runs the job in a worker, or joins the one that already runs it. Throws `PackageError`. */
export async function install(job: Job, wording: Wording, call: Call): Promise<Installed> {
  const { name, version } = wording
  const registry = registryOf(name, call.npm)
  return await call.work.join(
    `${job.kind} ${name}@${version}`,
    async (signal, tell) => {
      tell({ step: 'resolving', message: `asking ${registry} for ${name}@${version}` })
      return await runWorker({
        job,
        context: { name, version, registry, root: call.root },
        clock: call.clock,
        timeoutMs: call.installTimeoutMs ?? installTimeoutMsDefault,
        signal,
        onResolved: (exact) => tell({ step: wording.step, message: wording.message(exact) }),
      })
    },
    call.signal,
    call.onProgress,
  )
}

/** Without credentials, for messages. */
function registryOf(name: string, npm: NpmConfig): string {
  const scope = name.startsWith('@') ? npm[`${name.split('/')[0]}:registry`] : undefined
  const registry = scope ?? npm['registry']
  return typeof registry === 'string' ? redact(registry) : 'https://registry.npmjs.org/'
}
