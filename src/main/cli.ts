/** The executable. Each command loads what it needs when it is called: `sampan version` should not wait for a server's modules. */
import { resolve } from 'node:path'
import { Command, Option } from 'commander'
import { kubernetesVersion, sampanVersion } from '../base/version.ts'
import { parseSchedule } from './backup-flags.ts'
import { becomeSupervisor, type SupervisorSettings } from './become-supervisor.ts'
import { complain } from './complain.ts'
import { dataDir, defaultDataDir } from './data-dir.ts'
import { parseListen, parseServerUrl } from './listen-address.ts'
import { addInsightCommands } from './insight-commands.ts'
import { addLogsCommand } from './logs-command.ts'
import { addNodeCommands, dataListenOption, nodeNameDefault, parseDataListen } from './node-commands.ts'
import { addStoreCommands } from './store-commands.ts'

const print = (line: string) => void process.stdout.write(`${line}\n`)

async function main(): Promise<void> {
  const program = new Command('sampan')
    .description('Runs Node.js apps across any machines you own, with the Kubernetes API.')
    .version(versionLine(), '-V, --version', 'say which Sampan this is')
    .showHelpAfterError('`sampan --help` lists the commands, `sampan COMMAND --help` says what each takes.')
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'sampan: ')) })
  addServers(program)
  addNodeCommands(program, print)
  addOffline(program)
  addStoreCommands(program, print)
  addInsightCommands(program, print)
  addLogsCommand(program)
  await program.parseAsync()
}

function addServers(program: Command): void {
  serverOptions(
    program
      .command('up')
      .description('start everything on this machine: API server, controllers, scheduler, agent and gateway'),
  )
    .option('--gateway-listen <host:port>', 'the apps', '127.0.0.1:8080')
    .option(...dataListenOption)
    .option('--name <node>', "this machine's name in the cluster", nodeNameDefault())
    .option('--example', 'also deploy examples/hello')
    .action((flags: ServerFlags & UpFlags) =>
      becomeSupervisor({
        ...serverSettings(flags),
        parts: ['server', 'agent', 'gateway'],
        nodeName: flags.name,
        gatewayListen: parseListen(flags.gatewayListen, '--gateway-listen'),
        ...dataListenOf(flags),
        ...(flags.example && { exampleBy: process.argv[1] ?? '' }),
      }),
    )

  serverOptions(
    program
      .command('server')
      .description('start a server alone: API, controllers and scheduler; several may share one store'),
  ).action((flags: ServerFlags) => becomeSupervisor({ ...serverSettings(flags), parts: ['server'] }))
}

function addOffline(program: Command): void {
  const dataDirDefault = defaultDataDir(process.env)
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
    .action(() => print(versionLine()))
}

const versionLine = (): string =>
  `sampan ${sampanVersion} (Kubernetes API ${kubernetesVersion.gitVersion}, Node.js ${process.version})`

interface ServerFlags {
  readonly dataDir: string
  readonly listen: string
  readonly tlsListen: string
  readonly advertise?: string
  readonly store: string
  readonly serverTokenFile?: string
  readonly backupDir?: string
  readonly backupEvery: string
  readonly backupKeep: string
}

interface UpFlags {
  readonly dataListen?: string
  readonly gatewayListen: string
  readonly name: string
  readonly example?: boolean
}

const serverOptions = (command: Command): Command =>
  command
    .option('--data-dir <dir>', 'where Sampan keeps what it has', defaultDataDir(process.env))
    .option('--listen <host:port>', 'the API over HTTP', '127.0.0.1:8888')
    .option('--tls-listen <host:port>', 'the API over TLS', '127.0.0.1:18888')
    .option('--advertise <url>', 'where other machines reach the API over TLS, if not where it listens')
    .addOption(
      new Option(
        '--store <url>',
        'sqlite: (in the data directory), memory:, etcd://HOST:PORT,… or postgres://USER@HOST/DATABASE; a URL with a password belongs into the environment',
      )
        .env('SAMPAN_STORE')
        .default('sqlite:'),
    )
    .option(
      '--server-token-file <file>',
      "for a further server on a shared store: credentials/server.token of the first one's data directory",
    )
    .option('--backup-dir <dir>', 'back up regularly into this folder, or s3://BUCKET/PREFIX')
    .option('--backup-every <duration>', 'how often', '1h')
    .option('--backup-keep <number>', 'how many of them are kept', '24')

const serverSettings = (flags: ServerFlags): Omit<SupervisorSettings, 'parts'> => ({
  dir: dataDir(resolve(flags.dataDir)),
  listen: parseListen(flags.listen, '--listen'),
  tlsListen: parseListen(flags.tlsListen, '--tls-listen'),
  store: flags.store,
  ...(flags.advertise !== undefined && { advertise: parseServerUrl(flags.advertise, '--advertise') }),
  ...(flags.serverTokenFile !== undefined && { serverTokenFile: flags.serverTokenFile }),
  ...(flags.backupDir !== undefined && { backups: parseSchedule({ ...flags, backupDir: flags.backupDir }) }),
})

/** Where others reach the API they reach the pods: on this machine alone, unless told otherwise. */
function dataListenOf({ dataListen, tlsListen }: ServerFlags & UpFlags) {
  const { host } = parseListen(tlsListen, '--tls-listen')
  const found = dataListen === undefined ? { host, port: 0 } : parseDataListen(dataListen)
  return found && { dataListen: found }
}

main().catch(complain)
