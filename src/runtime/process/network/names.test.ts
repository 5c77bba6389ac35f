import assert from 'node:assert/strict'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { realClock } from '../../../base/clock.ts'
import type { InnerHalf } from './inner-half.ts'
import type { Place } from './inside.ts'
import { serveNames } from './names.ts'

const loopback = '127.0.0.1'

describe('names of the outside', () => {
  const made: (Socket | Server)[] = []
  const seen = { short: 0, long: 0 }
  /** What the machine asks. */
  let machine: Place
  let servers: readonly Place[] = []
  before(async () => {
    const datagrams = await bound()
    datagrams.on('message', (question, from) =>
      datagrams.send(Buffer.concat([Buffer.from('answer to '), question]), from.port, from.address),
    )
    machine = { address: loopback, port: datagrams.address().port }
    const streams = createServer((socket) =>
      socket.on('data', (question) => socket.end(`all of ${String(question)}`)),
    )
    made.push(streams.listen(machine.port, loopback))
    await once(streams, 'listening')
    servers = [machine]
    // Both halves in one network: what it gives is the same.
    const inner: Pick<InnerHalf, 'bind' | 'listen'> = {
      async bind() {
        const socket = await bound()
        seen.short = socket.address().port
        return socket
      },
      async listen() {
        const server = createServer().listen(0, loopback)
        made.push(server)
        await once(server, 'listening')
        seen.long = (server.address() as AddressInfo).port
        return { server, port: seen.long }
      },
    }
    await serveNames({ inner, address: loopback, clock: realClock, servers: () => servers })
  })
  after(() => {
    for (const one of made) one.close()
  })

  async function bound(): Promise<Socket> {
    const socket = createSocket('udp4').bind(0, loopback)
    made.push(socket)
    await once(socket, 'listening')
    return socket
  }

  it("come from the machine's name server, to each who asked", async () => {
    const answers = ['one', 'two', 'three'].map(async (question) => {
      const asking = await bound()
      asking.send(question, seen.short, loopback)
      const [answer] = (await once(asking, 'message')) as [Buffer]
      return answer.toString()
    })
    assert.deepEqual(await Promise.all(answers), ['answer to one', 'answer to two', 'answer to three'])
  })

  it('come by a stream, too, for answers that are long', async () => {
    const asking = connect(seen.long, loopback)
    asking.write('it')
    const [answer] = (await once(asking, 'data')) as [Buffer]
    assert.equal(answer.toString(), 'all of it')
  })

  it('come from the server that the machine has by now', async () => {
    servers = []
    const refused = connect(seen.long, loopback)
    await once(refused, 'close')
    servers = [machine]
    const asking = await bound()
    asking.send('again', seen.short, loopback)
    const [answer] = (await once(asking, 'message')) as [Buffer]
    assert.equal(answer.toString(), 'answer to again')
  })
})
