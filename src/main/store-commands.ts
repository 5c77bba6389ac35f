/** The commands about what the store holds: encryption, backups, moving to another store. */
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { dataDir, defaultDataDir } from './data-dir.ts'

interface DirFlags {
  readonly dataDir: string
}

const dirOf = ({ dataDir: root }: DirFlags) => dataDir(resolve(root))

export function addStoreCommands(program: Command, print: (line: string) => void): void {
  const dataDirDefault = defaultDataDir(process.env)
  const encryption = program.command('encryption').description('the keys that Secrets are encrypted with')
  for (const [what, description] of [
    ['status', 'say how many objects each key encrypts'],
    ['rotate', 'make a new key and encrypt everything anew with it'],
  ] as const) {
    encryption
      .command(what)
      .description(description)
      .option('--data-dir <dir>', 'of a server', dataDirDefault)
      .action(async (flags: DirFlags) => {
        const commands = await import('./encryption.ts')
        await commands.encryption(dirOf(flags), what, print)
      })
  }
}
