/** The entry of the supervisor of `sampan up`, `server` and `join`; `become-supervisor.ts` starts it. */
import { spawn } from 'node:child_process'
import type { SupervisorSettings } from './become-supervisor.ts'
import { settingsVariable } from './become-supervisor.ts'
import { complain } from './complain.ts'
import { formatListen } from './listen-address.ts'
import { readServerToken } from './server-token-file.ts'
import { up } from './up.ts'

async function main(): Promise<void> {
  const { serverTokenFile, exampleBy, ...settings } = takeSettings(process.env)
  await up({
    ...settings,
    ...(serverTokenFile !== undefined && { serverToken: readServerToken(serverTokenFile) }),
    print: (line) => void process.stdout.write(`${line}\n`),
    onReady: async ({ gatewayListen }, signal) => {
      if (exampleBy === undefined) return
      const where = ['--data-dir', settings.dir.root, '--gateway', formatListen(gatewayListen)]
      await runApart([exampleBy, 'deploy-example', ...where], signal)
    },
  })
}

/** They are nobody else's business: processes started from here inherit the environment. */
function takeSettings(env: NodeJS.ProcessEnv): SupervisorSettings {
  const text = env[settingsVariable]
  if (text === undefined) throw new Error('supervisor.ts is started by `sampan up`')
  delete env[settingsVariable]
  return JSON.parse(text) as SupervisorSettings
}

/**
 * A command that must not cost the supervisor memory for ever: 15 MB, were its modules loaded here. It says itself what
 * went wrong, and the cluster is up all the same.
 */
function runApart(argv: readonly string[], signal: AbortSignal): Promise<void> {
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'inherit', 'inherit'], signal })
  return new Promise((done, failed) => {
    child.once('exit', () => done())
    child.once('error', (error) => (signal.aborted ? done() : failed(error)))
  })
}

main().catch(complain)
