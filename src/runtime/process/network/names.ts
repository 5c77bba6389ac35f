/**
 * Names of the outside for the pods' network: what is asked there at the first address of the pods' range goes on to the machine's
 * name servers, and the answer back. Which is for all programs and kinds of records; Services are the preload's business.
 */
import { createSocket, type Socket } from 'node:dgram'
import { readFileSync } from 'node:fs'
import { connect, isIPv6, type Socket as Stream } from 'node:net'
import { pipeBoth } from '../../../base/byte-streams.ts'
import type { Clock } from '../../../base/clock.ts'
import { createWaitingRoom } from '../../../base/waiting-room.ts'
import type { InnerHalf } from './inner-half.ts'
import { takeFrom, type Place } from './inside.ts'

export interface NamesOptions {
  readonly inner: Pick<InnerHalf, 'bind' | 'listen'>
  readonly address: string
  readonly clock: Clock
  /** The machine's; read for each question. */
  readonly servers?: () => readonly Place[]
}

/** Resolvers ask again after five seconds. */
const answerWithinMs = 10_000
/** Each question has a socket of its own: a port that nobody guesses. */
const questionsMax = 1_024
/** The longest there makes room. */
const streamsMax = 256
const namesPort = 53

export async function serveNames({
  inner,
  address,
  clock,
  servers = machineServers,
}: NamesOptions): Promise<void> {
  const pods = await inner.bind({ address, port: namesPort })
  const waiting = new Set<() => void>()
  pods.on('error', () => {}) // an answer to somebody who has ended
  pods.on('message', (question, from) => {
    const [server] = servers()
    if (!server) return
    // Who has waited longest is least likely to get an answer yet: nobody keeps others from asking.
    const [longest] = waiting
    if (waiting.size >= questionsMax) longest?.()
    const socket: Socket = createSocket(isIPv6(server.address) ? 'udp6' : 'udp4')
    const finish = () => {
      if (!waiting.delete(finish)) return
      cancel()
      socket.close()
    }
    waiting.add(finish)
    const cancel = clock.after(answerWithinMs, finish)
    socket.on('error', finish) // no answer: who asked asks again
    socket.once('message', (answer) => {
      if (waiting.has(finish)) pods.send(answer, from.port, from.address)
      finish()
    })
    socket.once('connect', () => void (waiting.has(finish) && socket.send(question)))
    // It takes answers of this server alone.
    socket.connect(server.port, server.address)
  })
  const { server: long } = await inner.listen({ address, port: namesPort })
  const room = createWaitingRoom(streamsMax)
  takeFrom(long, (asking: Stream) => {
    if (!room.enter(asking)) return
    const [server] = servers()
    if (!server) return void asking.destroy()
    void pipeBoth(asking, connect({ host: server.address, port: server.port }))
  })
}

/** The first asked is the first tried, as by the system's resolver. */
function machineServers(): readonly Place[] {
  try {
    const text = readFileSync('/etc/resolv.conf', 'utf8')
    return [...text.matchAll(/^\s*nameserver\s+([\da-f:.]+)/gim)].map(([, address = '']) => ({
      address,
      port: namesPort,
    }))
  } catch {
    return [{ address: '127.0.0.1', port: namesPort }] // where the system's resolver asks then
  }
}
