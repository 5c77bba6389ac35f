/**
 * The entry of Sampan's own processes, as `child.ts` starts them: `run.ts server`. Apart from `cli.ts` because its
 * argument parser would take 3 MB in each of them, and time before they are ready.
 */
import { runProcess, type ProcessRoot } from './process.ts'

const roots: Readonly<Record<string, () => Promise<ProcessRoot>>> = {
  server: async () => (await import('./server.ts')).serverRoot,
  agent: async () => (await import('./agent.ts')).agentRoot,
  gateway: async () => (await import('./gateway.ts')).gatewayRoot,
}

const [name = ''] = process.argv.slice(2)
const load = roots[name]
if (!load) throw new Error(`Sampan has no process ${JSON.stringify(name)}: \`sampan up\` starts those it has`)
void load().then(runProcess)
