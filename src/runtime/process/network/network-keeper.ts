/**
 * The keeper of the pods' network: what stands between that and the machine, for all pods of an ordinary user's agent. It is a
 * process beside the agent, outlives it as pods do, and is taken over by the next one. Where root has rules of the packet filter, an
 * ordinary user has a network in which the machine isn't, and this.
 *
 *   gateway, probes ─▶ 127.A.B.C:80 of the machine ─▶ inner half ─▶ 127.A.B.C:80 of the pods' network       mirrors.ts
 *   a pod's program ─▶ asks by its preload ─▶ a place in the pods' network ─▶ outer half ─▶ the destination    questions.ts, ways-out.ts
 *   any program of a pod ─▶ name server in the pods' network ─▶ outer half ─▶ the machine's name servers       names.ts
 *
 * Two processes, as a process is in one network at a time: they hand each other listening sockets, so no connection passes both.
 */
import { realClock } from '../../../base/clock.ts'
import { createLogger } from '../../../base/logger.ts'
import { serveInside } from './inside.ts'
import { serveOutside, type KeeperSettings } from './outside.ts'

/** Of a log that nobody clears. */
const linesMax = 10_000

function main([half, settings = '{}']: readonly string[]): void {
  if (half === 'inside') return serveInside()
  let left = linesMax
  const write = (line: string) => void (left-- > 0 && process.stderr.write(`${line}\n`))
  const logger = createLogger({ clock: realClock, level: 'info', write })
  serveOutside(JSON.parse(settings) as KeeperSettings, logger).catch((error: unknown) => {
    logger.error('there is no network for pods', { error })
    process.exit(1)
  })
}

main(process.argv.slice(2))
