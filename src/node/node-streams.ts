/**
 * What API servers ask of a node beyond reading: one HTTP/2 stream for each command, each attached client and each
 * forwarded connection.
 *
 *   POST /exec/NAMESPACE/POD/CONTAINER?command&…&stdin&stdout&stderr&tty&uid     pieces both ways
 *   POST /attach/NAMESPACE/POD/CONTAINER?stdout&stderr&tty&uid                   pieces to the client; with &stdin, to the program
 *   POST /portForward/NAMESPACE/POD?port&uid                                     the connection's bytes both ways
 *   POST /dial?ip&port                                                           the same, to a pod by its address
 *   POST /profile/…, POST /inspect/…                                             see `node-insight-streams.ts`
 */
import type { OutgoingHttpHeaders } from 'node:http2'
import { connect, type Socket } from 'node:net'
import { Readable } from 'node:stream'
import { pipeBoth } from '../base/byte-streams.ts'
import { badRequest, failure, internal, serviceUnavailable } from '../api/status.ts'
import { dataAddressesHeader } from '../api/streams/data-addresses.ts'
import { isPort } from '../api/streams/port-forward.ts'
import { parseCommandOptions, type CommandOptions } from '../api/streams/channels.ts'
import { RuntimeError, type ExecSession } from '../runtime/runtime.ts'
import { attachedInput, takeAttached } from './attach-input.ts'
import { attachedOutput } from './attach.ts'
import { serveCommand } from './command-session.ts'
import type { PodWorker } from './pod-worker.ts'
import {
  accept,
  notRunning,
  workerOf,
  type NodeStreamsOptions,
  type StreamRequest,
} from './stream-request.ts'

/** Undefined: no such path. */
export function serveStream(options: NodeStreamsOptions, request: StreamRequest): Promise<void> | undefined {
  const [first, ...place] = request.path
  if (first === 'exec' && place.length === 3) return exec(options, place, request)
  if (first === 'attach' && place.length === 3) return attach(options, place, request)
  if (first === 'portForward' && place.length === 2) return forward(options, place, request)
  if (first === 'dial' && place.length === 0) return dialAddress(options, request)
  if ((first === 'profile' || first === 'inspect') && place.length === 3) {
    // Loaded when somebody asks.
    return import('./node-insight-streams.ts').then((insight) => insight[first](options, place, request))
  }
  return undefined
}

async function exec(
  options: NodeStreamsOptions,
  place: readonly string[],
  { stream, query }: StreamRequest,
): Promise<void> {
  const wanted = parseCommandOptions(query)
  const session = await openSession(options, { worker: workerOf(options, place, query), place, wanted })
  if (stream.destroyed) return session.kill()
  accept(stream)
  await serveCommand(stream, session, options.logger)
}

interface CommandPlace {
  readonly worker: PodWorker
  readonly place: readonly string[]
  readonly wanted: CommandOptions
}

async function openSession({ runtime }: NodeStreamsOptions, command: CommandPlace): Promise<ExecSession> {
  const { worker, wanted, place } = command
  const [, pod = '', container = ''] = place
  const { command: argv, stdin, tty } = wanted
  if (argv.length === 0) throw badRequest('you must specify at least one command for the container')
  if (!runtime.execStream)
    throw failure('MethodNotAllowed', `the ${runtime.name} runtime runs no commands in its containers`)
  try {
    const inside = await worker.enter(container, argv)
    if (!inside) throw notRunning(container, pod)
    const { handle, ...program } = inside
    return await runtime.execStream(handle, { ...program, stdin, tty })
  } catch (error) {
    if (!(error instanceof RuntimeError)) throw error
    if (error.code === 'not-found') throw notRunning(container, pod)
    if (error.code === 'unsupported') throw badRequest(error.message, { cause: error })
    throw internal(new Error(`error executing command in container: ${error.message}`, { cause: error }))
  }
}

async function attach(
  options: NodeStreamsOptions,
  place: readonly string[],
  { stream, query, signal }: StreamRequest,
): Promise<void> {
  const { logger, runtime } = options
  const wanted = parseCommandOptions(query)
  const [, pod = '', container = ''] = place
  const worker = workerOf(options, place, query)
  const run = await worker.container(container)
  const source = run?.phase === 'running' ? run.log('current') : undefined
  if (!source) throw notRunning(container, pod)
  const input = wanted.stdin ? await attachedInput({ runtime, worker, container, run }) : undefined
  accept(stream)
  const pieces = Readable.from(attachedOutput(source, wanted, signal), { objectMode: false })
  if (input) void takeAttached(stream, input, logger)
  // What the client sends is nothing that a program would read.
  else stream.resume()
  stream.once('close', () => pieces.destroy())
  pieces.on('error', (error) => stream.destroy(error)).pipe(stream)
}

const forward = (
  options: NodeStreamsOptions,
  place: readonly string[],
  request: StreamRequest,
): Promise<void> => connectTo(workerOf(options, place, request.query), request)

function dialAddress(
  { dataAddresses, findByAddress }: NodeStreamsOptions,
  request: StreamRequest,
): Promise<void> {
  const ip = request.query.get('ip') ?? ''
  const worker = findByAddress(ip)
  if (!worker) throw serviceUnavailable(`no pod of this node has the address ${JSON.stringify(ip)}`)
  return connectTo(worker, request, dataAddresses === '' ? {} : { [dataAddressesHeader]: dataAddresses })
}

async function connectTo(
  worker: PodWorker,
  { stream, query, signal }: StreamRequest,
  headers: OutgoingHttpHeaders = {},
): Promise<void> {
  const port = Number(query.get('port'))
  if (!isPort(port)) throw badRequest(`${JSON.stringify(query.get('port'))} is not a port`)
  const socket = await dial(worker, port, signal)
  accept(stream, headers)
  await pipeBoth(stream, socket)
}

function dial({ address, podIP }: PodWorker, port: number, signal: AbortSignal): Promise<Socket> {
  const socket = connect({ host: address, port, noDelay: true, allowHalfOpen: true, signal })
  return new Promise((resolve, reject) => {
    socket.once('connect', () => resolve(socket))
    socket.once('error', (error) => {
      const isRefused = 'code' in error && error.code === 'ECONNREFUSED'
      const why = isRefused ? 'connect: connection refused' : error.message
      reject(serviceUnavailable(`dial tcp ${podIP ?? address}:${port}: ${why}`, { cause: error }))
    })
  })
}
