/** The commands about machines: what a machine can do, how it joins, who may, and how it stays. */
import { hostname } from 'node:os'
import { resolve } from 'node:path'
import { Option, type Command } from 'commander'
import { becomeSupervisor } from './become-supervisor.ts'
import { dataDir, defaultDataDir } from './data-dir.ts'
import { parseDuration } from './duration-flag.ts'
import { parseListen, parseServerUrl, type ListenAddress } from './listen-address.ts'

type Print = (line: string) => void

export function addNodeCommands(program: Command, print: Print): void {
  addJoin(program, print)
  addTokens(program, print)
  addKeys(program, print)
  addPreflight(program, print)
  addService(program, print)
}

interface JoinFlags {
  readonly dataDir: string
  readonly name: string
  readonly token?: string
  readonly caHash?: string
  readonly dataListen: string
}

function addJoin(program: Command, print: Print): void {
  withDir(
    program
      .command('join')
      .description('make this machine a node of a cluster and run its agent')
      .argument('<url>', 'https://HOST:PORT of a server, as `sampan server` or `up` prints it'),
    'where the node keeps what it has',
  )
    .option('--name <node>', "this machine's name in the cluster", nodeNameDefault())
    .addOption(tokenOption())
    .option(...dataListenOption, '0.0.0.0:0')
    .option(
      '--ca-hash <digest>',
      "sha256:… of the cluster's CA, the first time: for machines whose key is allowed",
    )
    .action(async (url: string, flags: JoinFlags) => {
      const [{ join }, { checkNodeName }] = await Promise.all([import('./join.ts'), import('./up.ts')])
      const [dir, nodeName] = [dataDir(resolve(flags.dataDir)), flags.name]
      checkNodeName(nodeName)
      const { caHash, token } = flags
      print(`joining     ${url} as ${nodeName}`)
      await join({
        url: parseServerUrl(url, 'the URL'),
        dir,
        nodeName,
        env: process.env,
        print,
        ...(token !== undefined && { token }),
        ...(caHash !== undefined && { caHash }),
      })
      const dataListen = parseDataListen(flags.dataListen)
      becomeSupervisor({ parts: ['agent'], dir, nodeName, ...(dataListen && { dataListen }) })
    })
}

function addTokens(program: Command, print: Print): void {
  withDir(
    program
      .command('token')
      .description('tokens that let machines join')
      .command('create')
      .description('print a new token'),
    'of a server',
  )
    .option('--ttl <duration>', 'how long it lets machines join', '24h')
    .action(async (flags: { readonly dataDir: string; readonly ttl: string }) => {
      const { createToken } = await import('./token.ts')
      const hint = (line: string) => void process.stderr.write(`${line}\n`)
      const lifeMs = parseDuration(flags.ttl, '--ttl')
      await createToken(dataDir(resolve(flags.dataDir)), lifeMs, { print, hint })
    })
}

function addKeys(program: Command, print: Print): void {
  withDir(
    program.command('identity').description("print this machine's public key"),
    'where the node keeps what it has',
  ).action(async (flags: { readonly dataDir: string }) => {
    const { printIdentity } = await import('./node-allow.ts')
    await printIdentity(dataDir(resolve(flags.dataDir)), process.env, print)
  })
  const node = program.command('node').description('which machines may be nodes')
  withDir(
    node
      .command('allow')
      .description('let machines join without a token, by their keys')
      .argument('<key>', 'as `sampan identity` prints it there, or a file with lines of KEY or KEY NAME'),
    'of a server',
  )
    .option('--as <node>', 'good for this name only')
    .action(async (keyOrFile: string, flags: { readonly dataDir: string; readonly as?: string }) => {
      const { allowNode } = await import('./node-allow.ts')
      const dir = dataDir(resolve(flags.dataDir))
      await allowNode({ dir, keyOrFile, print, ...(flags.as !== undefined && { nodeName: flags.as }) })
    })
  withDir(
    node
      .command('disallow')
      .description('let machines in no longer that joined by their keys; their apps go on')
      .argument('<key>', 'as it is on the list, a file with lines of them, or the name of a node'),
    'of a server',
  ).action(async (keyOrNode: string, flags: { readonly dataDir: string }) => {
    const { disallowNode } = await import('./node-allow.ts')
    await disallowNode({ dir: dataDir(resolve(flags.dataDir)), keyOrNode, print })
  })
}

interface PreflightFlags {
  readonly dataDir: string
  readonly output: string
  readonly token?: string
  readonly caHash?: string
}

function addPreflight(program: Command, print: Print): void {
  withDir(
    program
      .command('preflight')
      .description('say what will and will not work on this machine, before it joins')
      .argument(
        '[url]',
        'https://HOST:PORT of the server that it is to join; without it, as `sampan up` needs it',
      ),
    'where the node will keep what it has',
  )
    .addOption(tokenOption())
    .option('--ca-hash <digest>', "sha256:… of the cluster's CA, to see whether the URL leads to it")
    .addOption(new Option('-o, --output <form>', 'text or json').choices(['text', 'json']).default('text'))
    .action(async (url: string | undefined, flags: PreflightFlags) => {
      const [{ preflight }, { formatReport }, { pinOf }] = await Promise.all([
        import('./preflight/preflight.ts'),
        import('./preflight/report.ts'),
        import('./join.ts'),
      ])
      const pin = pinOf(flags)
      const report = await preflight({
        dir: dataDir(resolve(flags.dataDir)),
        env: process.env,
        ...(url !== undefined && { url: parseServerUrl(url, 'the URL') }),
        ...(pin && { caDigest: pin.caDigest }),
      })
      print(flags.output === 'json' ? JSON.stringify(report, undefined, 2) : formatReport(report))
      if (!report.canJoin) process.exitCode = 1
    })
}

interface ServiceFlags {
  readonly name: string
  readonly unitDir?: string
}

function addService(program: Command, print: Print): void {
  // What follows `install up` is not for `install`.
  const service = program
    .command('service')
    .description('Sampan as a service of systemd: at boot, and again after each end')
    .enablePositionalOptions()
  const settings = ({ name, unitDir }: ServiceFlags) => ({
    name,
    env: process.env,
    print,
    ...(unitDir !== undefined && { unitDir: resolve(unitDir) }),
  })
  const named = (command: Command): Command =>
    command
      .option('--name <unit>', 'what the unit is called', 'sampan')
      .option('--unit-dir <dir>', 'where units are kept; systemd is not told, as where an image is made')
  named(service.command('install').description('write the unit and start it'))
    .argument('<command>', 'up, server or join')
    .argument('[args...]', 'what follows it; a token is kept apart from the unit')
    .option('--print', 'print the unit and do nothing else')
    .passThroughOptions()
    .action(async (command: string, given: string[], flags: ServiceFlags & { readonly print?: boolean }) => {
      const [{ installService }, { checkServiceArgs }] = await Promise.all([
        import('./service/service.ts'),
        import('./service/service-args.ts'),
      ])
      // Nothing that becomes a service has this flag, so it is ours wherever it stands.
      const args = given.filter((arg) => arg !== '--print')
      const isPrintOnly = flags.print === true || args.length < given.length
      checkServiceArgs(program, command, args)
      installService({ ...settings(flags), command, args, isPrintOnly })
    })
  named(service.command('uninstall').description('end it and remove the unit; apps go on')).action(
    async (flags: ServiceFlags) => {
      const { uninstallService } = await import('./service/service.ts')
      uninstallService(settings(flags))
    },
  )
  named(service.command('status').description('say whether it runs')).action(async (flags: ServiceFlags) => {
    const { serviceStatus } = await import('./service/service.ts')
    serviceStatus(settings(flags))
  })
}

/** For `up`, too. */
export const dataListenOption = [
  '--data-listen <host:port>',
  'where other nodes and gateways connect to the pods here without a server in between; port 0: a free one, kept; or none',
] as const

export const parseDataListen = (text: string): ListenAddress | undefined =>
  text === 'none' ? undefined : parseListen(text, '--data-listen')

const tokenOption = (): Option =>
  new Option('--token <token>', 'from `sampan token create`, the first time').env('SAMPAN_JOIN_TOKEN')

const withDir = (command: Command, description: string): Command =>
  command.option('--data-dir <dir>', description, defaultDataDir(process.env))

/** The host's name as a node may be called: lower case, letters, digits, dashes and dots. */
export function nodeNameDefault(): string {
  const name = hostname()
    .toLowerCase()
    .replace(/[^a-z0-9.-]+/g, '-')
    .replace(/^[^a-z0-9]+|[^a-z0-9]+$/g, '')
  return name.slice(0, 63) || 'node'
}
