/**
 * Many watchers in one process, as cheap as can be: raw sockets that read into one shared buffer. The first few decode every
 * line, count what they see, check its order, and take its age; the others look for the last change only.
 */
import { connect, type Socket } from 'node:net'
import { realClock } from '../../src/base/clock.ts'
import { answerQuestions, cpuSeconds } from './child.ts'

export interface WatchWish {
  readonly port: number
  readonly path: string
  readonly watchers: number
}

export interface WatchResult {
  /** Watchers that have seen the last change. */
  readonly done: number
  readonly closed: number
  readonly bytes: number
  /** Different changes in each of the watchers that decode. */
  readonly lines: readonly number[]
  readonly wrongOrder: number
  readonly ageMs: readonly number[]
  /** From the last change's making until the last watcher had it. */
  readonly lastAgeMs: number
  readonly cpu: number
}

const decodingMax = 8
const shared = Buffer.allocUnsafe(1024 * 1024)
const tailBytes = 2_048
const marker = Buffer.from('"last":"yes"')

let sockets: Socket[] = []
let state = fresh()

function fresh() {
  return {
    done: 0,
    closed: 0,
    bytes: 0,
    lines: [] as number[],
    wrongOrder: 0,
    ageMs: [] as number[],
    lastAgeMs: 0,
    cpuBefore: cpuSeconds().all,
  }
}

/** Chunked framing off, lines out. */
function lineReader(onLine: (line: string) => void): (chunk: Buffer) => void {
  let text = ''
  let isHead = true
  let left = 0
  let line = ''
  return (chunk) => {
    text += chunk.toString('latin1')
    if (isHead) {
      const end = text.indexOf('\r\n\r\n')
      if (end < 0) return
      text = text.slice(end + 4)
      isHead = false
    }
    for (;;) {
      if (left === 0) {
        const end = text.indexOf('\r\n')
        if (end < 0) return
        left = Number.parseInt(text.slice(0, end), 16) + 2
        text = text.slice(end + 2)
      }
      const part = text.slice(0, left)
      text = text.slice(part.length)
      left -= part.length
      line += left === 0 ? part.slice(0, -2) : left === 1 ? part.slice(0, -1) : part
      const lines = line.split('\n')
      line = lines.pop() ?? ''
      for (const each of lines) onLine(each)
      if (left > 0) return
    }
  }
}

function decoding(at: number): (chunk: Buffer) => void {
  const numbers = new Set<string>()
  let revision = 0
  state.lines[at] = 0
  return lineReader((line) => {
    const { object } = JSON.parse(line) as {
      object: { metadata: { resourceVersion: string }; data?: { at: string; n: string } }
    }
    if (!object.data) return
    const next = Number(object.metadata.resourceVersion)
    if (next <= revision) state.wrongOrder++
    revision = next
    state.lines[at] = numbers.add(object.data.n).size
    state.ageMs.push(Date.now() - Number(object.data.at))
  })
}

function open({ path, port }: WatchWish, at: number): Promise<Socket> {
  const onChunk = at < decodingMax ? decoding(at) : undefined
  return new Promise((resolve, reject) => {
    const socket = connect({
      port,
      host: '127.0.0.1',
      onread: {
        buffer: shared,
        callback(size, buffer) {
          const chunk = Buffer.from(buffer.buffer, buffer.byteOffset, size)
          state.bytes += size
          onChunk?.(chunk)
          if (chunk.subarray(-tailBytes).includes(marker)) {
            state.done++
            state.lastAgeMs = realClock.monotonicMs()
          }
          resolve(socket)
          return true
        },
      },
    })
    socket.once('error', reject)
    socket.once('close', () => state.closed++)
    socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer bench\r\n\r\n`)
  })
}

const openAtOnce = 100

answerQuestions({
  async open(wish: WatchWish) {
    for (let at = 0; at < wish.watchers; at += openAtOnce) {
      const some = Array.from({ length: Math.min(openAtOnce, wish.watchers - at) }, (_, i) => at + i)
      sockets.push(...(await Promise.all(some.map((each) => open(wish, each)))))
    }
    state.cpuBefore = cpuSeconds().all
  },
  result(): WatchResult {
    const { ageMs, bytes, closed, done, lines, wrongOrder } = state
    return {
      ageMs,
      bytes,
      closed,
      done,
      lines,
      wrongOrder,
      lastAgeMs: state.lastAgeMs,
      cpu: cpuSeconds().all - state.cpuBefore,
    }
  },
  close() {
    for (const socket of sockets) socket.destroy()
    sockets = []
    state = fresh()
  },
})
