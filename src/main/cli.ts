/** The executable. Each command loads what it needs when it is called: `sampan version` should not wait for a server's modules. */
import { spawn } from 'node:child_process'
import { hostname } from 'node:os'
import { resolve } from 'node:path'
import { Command } from 'commander'
import { describeError } from '../base/logger.ts'
import { kubernetesVersion, sampanVersion } from '../base/version.ts'
import { CommandError } from './command-error.ts'
import { dataDir, defaultDataDir } from './data-dir.ts'
import { formatListen, parseListen } from './listen-address.ts'

const print = (line: string) => void process.stdout.write(`${line}\n`)

async function main(): Promise<void> {
  const program = new Command('sampan')
    .description('Runs Node.js apps across any machines you own, with the Kubernetes API.')
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'sampan: ')) })
  const dataDirDefault = defaultDataDir(process.env)

  program
    .command('up')
    .description('start everything on this machine: API server, controllers, scheduler, agent and gateway')
    .option('--data-dir <dir>', 'where Sampan keeps what it has', dataDirDefault)
    .option('--listen <host:port>', 'the API over HTTP', '127.0.0.1:8888')
    .option('--tls-listen <host:port>', 'the API over TLS', '127.0.0.1:18888')
    .option('--gateway-listen <host:port>', 'the apps', '127.0.0.1:8080')
    .option('--store <url>', 'sqlite: (in the data directory) or memory:', 'sqlite:')
    .option('--name <node>', "this machine's name in the cluster", nodeNameDefault())
    .option('--example', 'also deploy examples/hello')
    .action(async (options: UpFlags) => {
      const { up } = await import('./up.ts')
      await up({
        dir: dataDir(resolve(options.dataDir)),
        nodeName: options.name,
        listen: parseListen(options.listen, '--listen'),
        tlsListen: parseListen(options.tlsListen, '--tls-listen'),
        gatewayListen: parseListen(options.gatewayListen, '--gateway-listen'),
        store: options.store,
        print,
        onReady: async ({ gatewayListen }, signal) => {
          if (!options.example) return
          const flags = ['--data-dir', options.dataDir, '--gateway', formatListen(gatewayListen)]
          await runApart(['deploy-example', ...flags], signal)
        },
      })
    })

  program
    .command('deploy-example', { hidden: true })
    .requiredOption('--data-dir <dir>')
    .requiredOption('--gateway <host:port>')
    .action(async (options: { readonly dataDir: string; readonly gateway: string }) => {
      const { deployExample } = await import('./example.ts')
      await deployExample(dataDir(resolve(options.dataDir)), parseListen(options.gateway, '--gateway'), print)
    })

  program
    .command('down')
    .description('stop Sampan and the apps it runs on this machine')
    .option('--data-dir <dir>', 'the same as for up', dataDirDefault)
    .action(async (options: { readonly dataDir: string }) => {
      const { down } = await import('./down.ts')
      await down(dataDir(resolve(options.dataDir)), print)
    })

  program
    .command('version')
    .description('say which Sampan this is')
    .action(() =>
      print(
        `sampan ${sampanVersion} (Kubernetes API ${kubernetesVersion.gitVersion}, Node.js ${process.version})`,
      ),
    )

  await program.parseAsync()
}

interface UpFlags {
  readonly dataDir: string
  readonly listen: string
  readonly tlsListen: string
  readonly gatewayListen: string
  readonly store: string
  readonly name: string
  readonly example?: boolean
}

/**
 * A command of `up` that must not cost its supervisor memory for ever: 15 MB, were its modules loaded there. It says
 * itself what went wrong, and the cluster is up all the same.
 */
function runApart(args: readonly string[], signal: AbortSignal): Promise<void> {
  const argv = [process.argv[1] ?? '', ...args]
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'inherit', 'inherit'], signal })
  return new Promise((done, failed) => {
    child.once('exit', () => done())
    child.once('error', (error) => (signal.aborted ? done() : failed(error)))
  })
}

/** The host's name as a node may be called: lower case, letters, digits, dashes and dots. */
function nodeNameDefault(): string {
  const name = hostname()
    .toLowerCase()
    .replace(/[^a-z0-9.-]+/g, '-')
    .replace(/^[^a-z0-9]+|[^a-z0-9]+$/g, '')
  return name.slice(0, 63) || 'node'
}

function complain(error: unknown): void {
  process.stderr.write(`sampan: ${error instanceof CommandError ? error.message : describeError(error)}\n`)
  if (
    !(error instanceof CommandError) &&
    error instanceof Error &&
    process.env['SAMPAN_LOG_LEVEL'] === 'debug'
  ) {
    process.stderr.write(`${error.stack}\n`)
  }
}

try {
  await main()
} catch (error) {
  complain(error)
  process.exitCode = 1
}
