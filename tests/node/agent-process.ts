/** Agents as processes of their own (`agent-child.ts`), to be killed and stopped. */
import { spawn, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import type { ChildOptions } from './agent-child.ts'
import { nodeName, token, type TestCluster } from './harness.ts'

/** Resolves when it is ready. */
export function startAgent(
  cluster: TestCluster,
  more: Pick<ChildOptions, 'runOnceTiming'> = {},
): Promise<ChildProcess> {
  const options: ChildOptions = { url: cluster.url, token, folder: cluster.folder, nodeName, ...more }
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, 'agent-child.ts'), JSON.stringify(options)],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
      // Each start would read and compile some three hundred files, most of what a test with many of them takes.
      env: { ...process.env, NODE_COMPILE_CACHE: join(cluster.folder, 'compiled') },
    },
  )
  return new Promise((resolve, reject) => {
    child.stdout?.once('data', () => resolve(child))
    child.once('exit', (code) => reject(new Error(`the agent ended with ${code} before it was ready`)))
  })
}

/** Resolves when it has ended. */
export const killAgent = (child: ChildProcess): Promise<void> =>
  new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve()
    child.once('exit', () => resolve())
    child.kill('SIGKILL')
  })
