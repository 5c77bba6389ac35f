/** A remote command's client on SPDY: one stream for each of stdin, stdout, stderr, error and resize, named by a header. */
import type { Duplex } from 'node:stream'
import { writeAll } from '../../base/byte-streams.ts'
import { deferred } from '../../base/deferred.ts'
import { channelOf, closePiece, type CommandOptions, type Piece } from '../../api/streams/channels.ts'
import { createAlarm } from '../alarm.ts'
import type { CommandClient } from './piece-pipe.ts'
import { openSpdySession } from './spdy-session.ts'
import { switchToSpdy } from './spdy-upgrade.ts'
import type { UpgradeContext } from './upgrade-context.ts'

/** As upstream: a client that has not opened its streams by then is not going to. */
const streamsWithinMs = 30_000
/** How long the client may take to close a connection on which everything has been said. */
const goodbyeMs = 10_000

type Name = 'error' | 'stdin' | 'stdout' | 'stderr' | 'resize'

/** Switches the socket's protocol; resolves at once. Pieces flow when the client has opened all its streams. */
export async function openSpdyCommand(
  context: UpgradeContext,
  options: CommandOptions,
  protocol: string,
): Promise<CommandClient> {
  const { clock, logger } = context.machinery
  const wanted = wantedStreams(options)
  const streams = new Map<Name, Duplex>()
  const complete = deferred()
  const socket = switchToSpdy(context, protocol)
  const session = openSpdySession({
    socket,
    onError: (error) => logger.debug('a SPDY connection broke', { error }),
    onStream({ streamtype }, stream) {
      const name = wanted.find((each) => each === streamtype)
      if (!name || streams.has(name)) return false
      streams.set(name, stream)
      // Nothing comes on these; their end should be seen all the same.
      if (name !== 'stdin' && name !== 'resize') stream.resume()
      if (streams.size === wanted.length) complete.resolve()
      return true
    },
  })
  const cancel = clock.after(streamsWithinMs, () => socket.destroy())
  void complete.promise.then(cancel)
  void session.closed.then(() => {
    cancel()
    complete.resolve()
  })
  return {
    pieces: piecesOf(streams, complete.promise, session.closed),
    async send({ channel, bytes }) {
      await complete.promise
      const stream = streams.get(nameOf(channel))
      if (stream) await writeAll(stream, [bytes])
    },
    end() {
      void endAll([...streams.values()]).then(() => {
        session.end()
        const cancelGoodbye = clock.after(goodbyeMs, () => socket.destroy())
        void session.closed.then(cancelGoodbye)
      })
    },
  }
}

const wantedStreams = ({ stdin, stdout, stderr, tty }: CommandOptions): readonly Name[] => [
  'error',
  ...(stdin ? (['stdin'] as const) : []),
  ...(stdout ? (['stdout'] as const) : []),
  ...(stderr ? (['stderr'] as const) : []),
  ...(tty ? (['resize'] as const) : []),
]

const nameOf = (channel: number): Name =>
  channel === channelOf.stdout ? 'stdout' : channel === channelOf.stderr ? 'stderr' : 'error'

/** Resolves when each has sent its last byte, or can't. */
const endAll = (streams: readonly Duplex[]): Promise<unknown> =>
  Promise.all(
    streams.map(
      (stream) =>
        new Promise<void>((resolve) => {
          stream.once('close', resolve)
          stream.end(resolve)
        }),
    ),
  )

/** Both inputs in the order in which they come; ends with the connection. */
async function* piecesOf(
  streams: ReadonlyMap<Name, Duplex>,
  complete: Promise<void>,
  closed: Promise<void>,
): AsyncGenerator<Piece> {
  await complete
  const alarm = createAlarm()
  let isClosed = false
  void closed.then(() => {
    isClosed = true
    alarm.ring()
  })
  const stdin = streams.get('stdin')
  const resize = streams.get('resize')
  for (const stream of [stdin, resize]) {
    stream?.on('readable', alarm.ring)
    stream?.once('end', alarm.ring)
  }
  let isStdinOpen = stdin !== undefined
  while (!isClosed) {
    for (let bytes: Buffer | null; (bytes = readOf(resize));) yield { channel: channelOf.resize, bytes }
    for (let bytes: Buffer | null; (bytes = readOf(stdin));) yield { channel: channelOf.stdin, bytes }
    if (isStdinOpen && stdin?.readableEnded) {
      isStdinOpen = false
      yield closePiece(channelOf.stdin)
    }
    await alarm.wait()
  }
}

const readOf = (stream: Duplex | undefined): Buffer | null => (stream?.read() as Buffer | null) ?? null
