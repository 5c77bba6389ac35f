/** `sampan profile` and `sampan inspect`: flags, and what of the machine the commands need. */
import type { Command } from 'commander'
import { realClock } from '../base/clock.ts'
import { realRandom } from '../base/ids.ts'
import type { PodPlace } from '../cli/server-connection.ts'
import { CommandError } from './command-error.ts'
import { parseDuration } from './duration-flag.ts'
import { interrupted, serverOf, serverOptions, type PlaceFlags } from './place-flags.ts'

interface ProcessFlags extends PlaceFlags {
  readonly pid?: string
}

interface ProfileFlags extends ProcessFlags {
  readonly cpu?: string
  readonly heap?: boolean
  readonly output?: string
}

export function addInsightCommands(program: Command, print: (line: string) => void): void {
  placeOptions(
    program
      .command('profile')
      .description("record a Node.js process of a pod; Chrome's DevTools open the file")
      .argument('<pod>'),
  )
    .option('--cpu <duration>', 'what its CPU does for this long')
    .option('--heap', 'what is in its memory; it stands still meanwhile')
    .option('-o, --output <file>', 'default: the name of the pod and the time')
    .action(async (pod: string, flags: ProfileFlags) => {
      if ((flags.cpu === undefined) === (flags.heap !== true))
        throw new CommandError('say what to record: --cpu 30s or --heap')
      const [{ profile }, { parsePodName }] = await Promise.all([
        import('../cli/profile.ts'),
        import('../cli/workload-name.ts'),
      ])
      const server = await serverOf(flags)
      const file = await profile({
        server,
        place: placeOf(parsePodName(pod), flags),
        what: flags.cpu === undefined ? { kind: 'heap' } : { kind: 'cpu', seconds: secondsOf(flags.cpu) },
        ...(flags.output !== undefined && { file: flags.output }),
        clock: realClock,
        print,
        signal: interrupted(),
      })
      print(`wrote ${file}`)
      process.exit(0) // listeners for signals would keep it
    })
  placeOptions(
    program
      .command('inspect')
      .description("attach Chrome's DevTools, or another debugger, to a Node.js process of a pod")
      .argument('<pod>'),
  )
    .option('--port <number>', 'of this machine', '0')
    .action(async (pod: string, flags: ProcessFlags & { readonly port: string }) => {
      const [{ inspect }, { parsePodName }] = await Promise.all([
        import('../cli/inspect.ts'),
        import('../cli/workload-name.ts'),
      ])
      const server = await serverOf(flags)
      const port = numberOf(flags.port, '--port')
      const place = placeOf(parsePodName(pod), flags)
      await inspect({ server, place, port, random: realRandom, print, signal: interrupted() })
      process.exit(0)
    })
}

const placeOptions = (command: Command): Command =>
  serverOptions(command).option(
    '--pid <number>',
    "of the process, as the pod sees it; default: the container's first",
  )

const placeOf = (pod: string, { container, namespace, pid }: ProcessFlags): PodPlace => ({
  pod,
  ...(namespace !== undefined && { namespace }),
  ...(container !== undefined && { container }),
  ...(pid !== undefined && { pid: numberOf(pid, '--pid') }),
})

const secondsOf = (text: string): number => parseDuration(text, '--cpu') / 1_000

function numberOf(text: string, flag: string): number {
  if (/^\d{1,10}$/.test(text)) return Number(text)
  throw new CommandError(`${flag} ${JSON.stringify(text)} is not a number`)
}
