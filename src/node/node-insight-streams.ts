/**
 * Looks into the Node.js processes of a pod, each one stream that an API server opens:
 *
 *   POST /profile/NAMESPACE/POD/CONTAINER?kind=cpu&seconds&pid&uid   a .cpuprofile, when the time is over
 *   POST /profile/NAMESPACE/POD/CONTAINER?kind=heap&pid&uid          a .heapsnapshot
 *   POST /inspect/NAMESPACE/POD/CONTAINER?pid&uid                    lines of the DevTools protocol both ways
 */
import { finished } from 'node:stream/promises'
import { Readable } from 'node:stream'
import { pipeBoth } from '../base/byte-streams.ts'
import { badRequest } from '../api/status.ts'
import { askProcess, nodeProcessOf, readFrames, type InsightContext } from './node-insight.ts'
import {
  accept,
  notRunning,
  workerOf,
  type NodeStreamsOptions,
  type StreamRequest,
} from './stream-request.ts'

type Options = NodeStreamsOptions & InsightContext

async function processOf(options: Options, place: readonly string[], { query, signal }: StreamRequest) {
  const [, pod = '', container = ''] = place
  const run = await workerOf(options, place, query).container(container)
  if (!run?.handle) throw notRunning(container, pod)
  const pid = query.has('pid') ? Number(query.get('pid')) : undefined
  return await nodeProcessOf(options, run.handle, { pid, signal })
}

export async function profile(
  options: Options,
  place: readonly string[],
  request: StreamRequest,
): Promise<void> {
  const { query, signal, stream } = request
  const question = questionOf(query)
  const process = await processOf(options, place, request)
  const { socket } = await askProcess(options, process, question, signal)
  if (stream.destroyed) return void socket.destroy()
  accept(stream)
  stream.resume()
  // The caller resets the stream when it breaks off: half a file must not look like a whole one.
  const frames = Readable.from(readFrames(socket), { objectMode: false })
  stream.once('close', () => frames.destroy())
  frames.on('error', (error) => stream.destroy(error)).pipe(stream)
  await finished(stream)
}

function questionOf(query: URLSearchParams): Readonly<Record<string, unknown>> {
  const kind = query.get('kind')
  if (kind === 'heap') return { ask: 'heap-snapshot' }
  if (kind === 'cpu') return { ask: 'cpu-profile', seconds: Number(query.get('seconds') ?? '30') }
  throw badRequest(`${JSON.stringify(kind)} is no kind of profile: there are cpu and heap`)
}

export async function inspect(
  options: Options,
  place: readonly string[],
  request: StreamRequest,
): Promise<void> {
  const { signal, stream } = request
  const process = await processOf(options, place, request)
  // The process can be inspected for as long as this connection is open.
  const { socket: control } = await askProcess(options, process, { ask: 'inspect' }, signal)
  try {
    const socket = await process.connectInspector()
    if (stream.destroyed) return void socket.destroy()
    accept(stream)
    await pipeBoth(stream, socket)
  } finally {
    control.destroy()
  }
}
