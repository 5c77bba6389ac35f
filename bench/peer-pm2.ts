import { execFile, spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { realClock } from '../src/base/clock.ts'
import type { Peer } from './peer.ts'
import { freePort, untilAnswers } from './ports.ts'

const pm2Version = '7.0.4'
const run = promisify(execFile)

/** pm2 from npm, its daemon already running. */
export async function preparePm2(
  folder: string,
  app: string,
  progress: (line: string) => void,
): Promise<Peer | undefined> {
  const place = join(folder, 'pm2')
  mkdirSync(place)
  const flags = ['--no-audit', '--no-fund', '--ignore-scripts', '--no-save']
  const installed = spawnSync('npm', ['install', ...flags, `pm2@${pm2Version}`], {
    cwd: place,
    encoding: 'utf8',
  })
  if (installed.status !== 0) {
    progress(`pm2 can't be installed and is left out: ${installed.stderr ?? installed.error?.message}`)
    return undefined
  }
  const script = join(place, 'node_modules', 'pm2', 'bin', 'pm2')
  const pm2 = (args: readonly string[], env: NodeJS.ProcessEnv = {}) =>
    run(process.execPath, [script, ...args], {
      cwd: app,
      env: { ...process.env, PM2_HOME: join(place, 'home'), ...env },
    })
  await pm2(['ping'])
  return {
    async start() {
      const port = await freePort()
      const startMs = realClock.monotonicMs()
      const started = pm2(['start', 'server.js', '--name', 'hello'], { PORT: String(port) })
      await untilAnswers(`http://127.0.0.1:${port}/`)
      const ms = realClock.monotonicMs() - startMs
      await started
      await pm2(['delete', 'hello'])
      return { 'first answer': ms }
    },
    async end() {
      await pm2(['kill'])
    },
  }
}
