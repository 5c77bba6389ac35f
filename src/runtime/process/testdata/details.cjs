// Prints what a program can see of its sockets, as one line of JSON.
'use strict'
const dgram = require('node:dgram')
const net = require('node:net')
const events = require('node:events')

const listen = async (...args) => {
  const server = net.createServer((socket) => socket.on('error', () => {}).end('x'))
  server.on('error', () => {})
  server.listen(...args)
  const outcome = await Promise.race([
    events.once(server, 'listening').then(() => undefined),
    events.once(server, 'error'),
  ])
  return outcome ? { error: outcome[0].code } : { server, address: server.address() }
}
const connects = async (...args) => {
  const socket = net.connect(...args)
  try {
    await events.once(socket, 'connect')
    return socket.remoteAddress ?? 'unix'
  } catch (e) {
    return e.code
  } finally {
    socket.destroy()
  }
}
const datagram = async (type, host) => {
  const receiver = dgram.createSocket(type)
  receiver.bind(4000)
  await events.once(receiver, 'listening')
  const sender = dgram.createSocket(type)
  sender.send('ping', 4000, host)
  const [message] = await events.once(receiver, 'message')
  const { address } = receiver.address()
  receiver.close()
  sender.close()
  return `${message} at ${address}`
}

async function main() {
  const seen = {}
  const path = process.argv[2]
  const withBoth = [await listen(3001, '127.0.0.1'), await listen(3001, '::1')]
  seen.bothFamilies = withBoth.map((l) => l.address)
  seen.localhostName = (await listen({ port: 3002, host: 'localhost' })).address
  seen.portOfString = (await listen('3003')).address
  seen.taken = (await listen(3003)).error
  seen.elsewhere = (await listen(3003, '127.0.0.77')).address
  seen.anyPortIsGiven = (await listen(0)).address.port > 0
  seen.withoutArguments = (await listen()).address.port > 0
  seen.unix = (await listen(path)).address
  seen.connectUnix = await connects(path)
  seen.connectPort = await connects(3003)
  seen.connectOptions = await connects({ port: 3003, host: '::1', family: 6 })
  seen.connectName = await connects(3003, 'sub.localhost')
  seen.connectElsewhere = await connects(3003, '127.0.0.77')
  seen.connectMachine = await connects(Number(process.argv[3]), '127.0.0.1')
  seen.udp4 = await datagram('udp4', 'localhost')
  seen.udp6 = await datagram('udp6', undefined)
  seen.enumerable = Object.keys(globalThis).filter((key) => /sampan/i.test(key))
  seen.shape = [net.Server.prototype.listen.name, net.Server.prototype.listen.length]
  seen.listeners = withBoth.map((l) => l.server.listenerCount('error'))
  console.log(JSON.stringify(seen))
  process.exit()
}
void main()
