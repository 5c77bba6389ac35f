import type { Command } from 'commander'
import { CommandError } from '../command-error.ts'

/** What systemd would start again and again, only to be told that it is wrong, is refused before it is written. Throws `CommandError`. */
export function checkServiceArgs(program: Command, name: string, args: readonly string[]): void {
  const command = program.commands.find((one) => one.name() === name)
  if (!command) return // whether it may be a service is not judged here
  const { operands, unknown } = command.parseOptions([...args])
  const [extra] = [...operands.slice(command.registeredArguments.length), ...unknown]
  if (extra !== undefined)
    throw new CommandError(
      `\`sampan ${name}\` does not take ${JSON.stringify(extra)}: \`sampan ${name} --help\` says what it takes; what is for \`service install\` itself stands before ${name}`,
    )
  const missing = command.registeredArguments.find(
    ({ required }, index) => required && operands[index] === undefined,
  )
  if (missing) throw new CommandError(`\`sampan ${name}\` needs <${missing.name()}>: ${missing.description}`)
}
