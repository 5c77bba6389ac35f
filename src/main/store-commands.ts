/** The commands about what the store holds: encryption, backups, moving to another store. */
import { resolve } from 'node:path'
import { Option, type Command } from 'commander'
import { dataDir, defaultDataDir } from './data-dir.ts'

interface DirFlags {
  readonly dataDir: string
}

type Print = (line: string) => void

const dirOf = ({ dataDir: root }: DirFlags) => dataDir(resolve(root))

export function addStoreCommands(program: Command, print: Print): void {
  program.enablePositionalOptions() // `backup` and `backup verify` have options of the same name
  addEncryption(program, print)
  addBackups(program, print)
  addMoves(program, print)
}

function addEncryption(program: Command, print: Print): void {
  const encryption = program.command('encryption').description('the keys that Secrets are encrypted with')
  for (const [what, description] of [
    ['status', 'say how many objects each key encrypts'],
    ['rotate', 'make a new key and encrypt everything anew with it'],
  ] as const) {
    withDir(encryption.command(what).description(description)).action(async (flags: DirFlags) => {
      const commands = await import('./encryption.ts')
      await commands.encryption(dirOf(flags), what, print)
    })
  }
}

function addBackups(program: Command, print: Print): void {
  const backup = withDir(
    program
      .command('backup')
      .description('write what the cluster is to a file, while everything goes on')
      .argument('<file>', 'or s3://BUCKET/PREFIX/NAME, with the credentials in AWS_ACCESS_KEY_ID and so on'),
  )
    .addOption(storeOption('read this store itself instead of asking the server that runs here'))
    .enablePositionalOptions()
    .action(async (file: string, flags: DirFlags & { readonly store?: string }) => {
      const commands = await import('./backup.ts')
      const { store } = flags
      await commands.backup(file, { dir: dirOf(flags), ...(store !== undefined && { store }) }, print)
    })
  withDir(
    backup
      .command('verify')
      .description('restore a backup into a control plane in memory, compare, and note that beside it')
      .argument('<file>'),
  ).action(async (file: string, flags: DirFlags) => {
    const { verifyBackup } = await import('./backup-verify.ts')
    await verifyBackup(file, dirOf(flags), print)
  })
}

function addMoves(program: Command, print: Print): void {
  const force = ['--force', 'replace what that store holds'] as const
  withDir(program.command('restore').description('put a backup into a store of any kind').argument('<file>'))
    .addOption(storeOption('where to').default('sqlite:'))
    .option(...force)
    .action(async (file: string, flags: DirFlags & { readonly store: string; readonly force?: boolean }) => {
      const commands = await import('./restore.ts')
      const settings = { dir: dirOf(flags), store: flags.store, isForced: flags.force === true }
      await commands.restore(file, settings, print)
    })
  withDir(
    program
      .command('store')
      .description('where the cluster is kept')
      .command('migrate')
      .description('copy one store into another, while Sampan is stopped')
      .argument('<from>', 'sqlite: (in the data directory), sqlite:/FILE, etcd://… or postgres://…')
      .argument('<to>', 'likewise'),
  )
    .option(...force)
    .action(async (from: string, to: string, flags: DirFlags & { readonly force?: boolean }) => {
      const commands = await import('./restore.ts')
      await commands.migrate({ from, to }, { dir: dirOf(flags), isForced: flags.force === true }, print)
    })
}

const withDir = (command: Command): Command =>
  command.option('--data-dir <dir>', 'of a server', defaultDataDir(process.env))

const storeOption = (description: string): Option =>
  new Option('--store <url>', `${description}: sqlite: (in the data directory), etcd://… or postgres://…`)
