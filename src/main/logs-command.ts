/** `sampan logs`: flags, and what of the machine the command needs. */
import { once } from 'node:events'
import { Option, type Command } from 'commander'
import { realClock } from '../base/clock.ts'
import type { HistoryOptions } from '../api/streams/log-history.ts'
import { CommandError } from './command-error.ts'
import { parseDuration } from './duration-flag.ts'
import { interrupted, serverOf, serverOptions, type PlaceFlags } from './place-flags.ts'

interface LogsFlags extends PlaceFlags {
  readonly since?: string
  readonly until?: string
  readonly stream?: 'stdout' | 'stderr'
  readonly follow?: boolean
  readonly tail?: string
  readonly output: 'text' | 'json'
}

export function addLogsCommand(program: Command): void {
  serverOptions(
    program
      .command('logs')
      .description('what a pod or an app has logged, in the order of time; also of pods that were deleted')
      .argument(
        '<name>',
        "a pod's, a Deployment's, or what the label app says; or pod/NAME, deployment/NAME",
      ),
  )
    .option('--since <when>', 'from then on: 90s, 30m, 24h, 7d ago, or a time like 2026-01-31T08:00:00Z')
    .option('--until <when>', 'up to then')
    .option('--tail <lines>', 'only the last so many of what is there')
    .option('-f, --follow', 'go on with what is logged from now on')
    .addOption(new Option('--stream <name>', 'only this one').choices(['stdout', 'stderr']))
    .addOption(new Option('-o, --output <format>', 'how').choices(['text', 'json']).default('text'))
    .action(async (text: string, flags: LogsFlags) => {
      const [{ logs, tailMax }, { parseWorkloadName }] = await Promise.all([
        import('../cli/logs.ts'),
        import('../cli/workload-name.ts'),
      ])
      const { container, output } = flags
      const { isPod, name } = parseWorkloadName(text)
      const tail = flags.tail === undefined ? undefined : linesOf(flags.tail, tailMax)
      const range = { ...rangeOf(flags), ...(isPod && { isExact: true }) }
      const server = await serverOf(flags)
      const { namespace = server.namespace } = flags
      process.stdout.on('error', () => process.exit(0)) // whoever read it has read enough
      const isAny = await logs({
        server,
        name,
        namespace,
        range,
        ...(tail !== undefined && { tail }),
        isJson: output === 'json',
        write,
        warn: (line) => void process.stderr.write(`sampan: ${line}\n`),
        signal: interrupted(),
      })
      const what = container === undefined ? name : `container ${container} of ${name}`
      if (!isAny && !flags.follow)
        process.stderr.write(
          `sampan: there are no logs of ${what} in the namespace ${namespace}: \`kubectl get pods -n ${namespace}\` lists its pods\n`,
        )
      process.exit(0) // listeners for signals would keep it
    })
}

async function write(text: string): Promise<void> {
  if (!process.stdout.write(text)) await once(process.stdout, 'drain')
}

function linesOf(text: string, max: number): number {
  if (/^\d{1,9}$/.test(text) && Number(text) <= max) return Number(text)
  throw new CommandError(
    `--tail ${JSON.stringify(text)} is no number of lines up to ${max}; --since goes back further`,
  )
}

function rangeOf({ container, follow, since, stream, until }: LogsFlags): HistoryOptions {
  if (follow && until !== undefined) throw new CommandError('--follow has no end: leave out --until')
  return {
    ...(container !== undefined && { container }),
    ...(since !== undefined && { since: timeOf(since, '--since') }),
    ...(until !== undefined && { until: timeOf(until, '--until') }),
    ...(stream && { stream }),
    ...(follow && { follow }),
  }
}

/** A time, or how long ago. */
function timeOf(text: string, flag: string): Date {
  const time = /^\d{4}-/.test(text) ? new Date(text) : undefined
  if (!time) return new Date(realClock.now().getTime() - parseDuration(text, flag))
  if (!Number.isNaN(time.getTime())) return time
  throw new CommandError(`${flag} ${JSON.stringify(text)} is no time: write for example 2026-01-31T08:00:00Z`)
}
