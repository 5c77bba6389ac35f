/** What commands about pods have in common: the server, the namespace, the container, and Ctrl-C. */
import { resolve } from 'node:path'
import type { Command } from 'commander'
import type { Kubeconfig } from '../client/kubeconfig.ts'
import { dataDir, defaultDataDir } from './data-dir.ts'

export interface PlaceFlags {
  readonly namespace?: string
  readonly container?: string
  readonly kubeconfig?: string
  readonly dataDir: string
}

export const serverOptions = (command: Command): Command =>
  command
    .option('-n, --namespace <name>', "default: the kubeconfig's")
    .option('-c, --container <name>', 'where the pod has several')
    .option('--kubeconfig <file>', "default: $KUBECONFIG, else the data directory's")
    .option('--data-dir <dir>', 'of Sampan on this machine', defaultDataDir(process.env))

export async function serverOf({ dataDir: dir, kubeconfig }: PlaceFlags): Promise<Kubeconfig> {
  const { chooseServer } = await import('../cli/server-connection.ts')
  return await chooseServer({
    env: process.env,
    otherwise: dataDir(resolve(dir)).kubeconfig,
    ...(kubeconfig !== undefined && { kubeconfig }),
  })
}

export function interrupted(): AbortSignal {
  const controller = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => controller.abort(new Error('interrupted')))
  return controller.signal
}
