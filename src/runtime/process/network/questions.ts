/**
 * What programs in the pods' network ask, by their preload, over a Unix socket: the same lines as the agent's own socket takes
 * (`node/service-network.ts`), which is asked first. It knows the cluster; its answers are places of the machine, and lead to where
 * the pods' network has them. Of everything else, which the agent leaves to the program, the way out is made here:
 *
 *   {"connect":"example.org","port":443,"namespace":"own"}  {"address":"127.200.3.7","port":40123} | {"error":"ECONNREFUSED"}
 *   {"listening":true}                                      {}: what listens is looked for at once
 */
import { rmSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import type { Clock } from '../../../base/clock.ts'
import { createWaitingRoom } from '../../../base/waiting-room.ts'
import type { Place } from './inside.ts'
import type { Mirrors } from './mirrors.ts'
import { readListening } from './tcp-table.ts'
import type { WaysOut } from './ways-out.ts'

export interface QuestionOptions {
  readonly path: string
  /** Where the agent answers for the cluster. */
  readonly agentSocket: () => string | undefined
  readonly mirrors: Mirrors
  readonly waysOut: WaysOut
  readonly clock: Clock
}

const questionBytesMax = 4_096
const answerBytesMax = 65_536
const questionsMax = 4_096
/** Above what the kernel takes to give a connection up. */
const questionMsMax = 150_000
/** An agent that doesn't answer is as good as none. */
const agentMsMax = 6_000

interface Answer extends Partial<Place> {
  readonly alias?: string
  readonly error?: string
  readonly addresses?: readonly string[]
}

export async function serveQuestions(options: QuestionOptions): Promise<Server> {
  const { clock, path } = options
  // Whoever came first goes first: a pod that asks for what never answers keeps nobody else from asking.
  const room = createWaitingRoom(questionsMax)
  const server = createServer((socket) => {
    if (!room.enter(socket)) return
    socket.on('error', () => {}) // a program that went away
    const cancel = clock.after(questionMsMax, () => socket.destroy())
    const gone = new AbortController()
    socket.once('close', () => {
      cancel()
      gone.abort(new Error('who asked has gone'))
    })
    void readLine(socket, questionBytesMax).then(async (line) => {
      const answer = line === undefined ? {} : await answerTo(line, options, gone.signal).catch(() => ({}))
      socket.end(`${JSON.stringify(answer)}\n`)
    })
  })
  rmSync(path, { force: true }) // of a keeper that was killed
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ path, writableAll: true }, () => resolve()) // nobody else comes through the folder above
  })
  return server
}

async function answerTo(line: string, options: QuestionOptions, gone: AbortSignal): Promise<Answer> {
  const { agentSocket, clock, mirrors, waysOut } = options
  const question = JSON.parse(line) as Readonly<Record<string, unknown>>
  if (question['listening'] === true) {
    await mirrors.scan()
    return {}
  }
  const answer = await askAgent(agentSocket(), line, clock)
  const { connect: asked, port } = question
  if (typeof asked !== 'string' || typeof port !== 'number' || answer.error !== undefined) return answer
  try {
    if (answer.address === undefined || answer.port === undefined)
      return await waysOut.toHost(answer.alias ?? asked, port, gone)
    const place = { address: answer.address, port: answer.port }
    if (mirrors.has(place)) return place
    return isOwn(place) ? await waysOut.toPlace(place, gone) : { error: 'ECONNREFUSED' }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'ECONNREFUSED'
    // What is wrong with a name the program's own look for it tells best.
    return /^E(NOTFOUND|AI_)/.test(code) ? {} : { error: code }
  }
}

/**
 * The agent tells the address of any pod with any port. Who listens there on all addresses is no pod, but a service of the machine that
 * may trust whoever comes from it.
 */
const isOwn = ({ address, port }: Place): boolean =>
  readListening('self').some(
    (socket) => socket.address === address && socket.port === port && socket.uid === process.getuid?.(),
  )

async function askAgent(path: string | undefined, line: string, clock: Clock): Promise<Answer> {
  if (path === undefined) return {}
  const socket = connect(path)
  const cancel = clock.after(agentMsMax, () => socket.destroy())
  socket.on('error', () => {}) // the agent is away: nothing of the cluster is known
  socket.once('close', cancel)
  socket.write(`${line}\n`)
  const said = await readLine(socket, answerBytesMax)
  socket.destroy()
  return said === undefined ? {} : (JSON.parse(said) as Answer)
}

/** Undefined when it ends before. Who goes on for too long, before or after it, is hung up on. */
function readLine(socket: Socket, bytesMax: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    let text = ''
    socket.setEncoding('utf8')
    socket.once('close', () => resolve(undefined))
    socket.on('data', (chunk: string) => {
      text += chunk
      if (text.length > bytesMax) return void socket.destroy()
      const end = text.indexOf('\n')
      if (end >= 0) resolve(text.slice(0, end))
    })
  })
}
