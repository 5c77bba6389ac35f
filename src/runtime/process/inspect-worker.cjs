'use strict'

/**
 * The thread in which a debugger of the program's main thread lives, started by `insight.cjs`. It takes one connection on a Unix
 * socket and passes lines of Chrome's DevTools protocol between it and the main thread, also while that stands still at a
 * breakpoint. When the connection ends, or nobody makes one, the main thread goes on and this one ends.
 */
const fs = require('node:fs')
const path = require('node:path')
const { Session } = require('node:inspector')
const { createServer } = require('node:net')
const { parentPort, workerData } = require('node:worker_threads')

const { folder, name } = workerData
const connectWithinMs = 10_000
/** DevTools sends the text of a script to be changed as one message. */
const messageLengthMax = 64 * 1024 * 1024

fs.rmSync(path.join(folder, name), { force: true })
const server = createServer((socket) => {
  close()
  attach(socket)
})
const close = () => {
  clearTimeout(timer)
  server.close()
  fs.rmSync(path.join(folder, name), { force: true })
}
const timer = setTimeout(() => {
  close()
  parentPort.close()
}, connectWithinMs)
// The path through the descriptor is short, however long the folder's is: a socket's path has 107 characters at most.
const descriptor = fs.openSync(folder, 'r')
server.listen(`/proc/self/fd/${descriptor}/${name}`, () => {
  fs.closeSync(descriptor)
  parentPort.postMessage('ready')
})

function attach(socket) {
  const session = new Session()
  session.connectToMainThread()
  const send = (message) => {
    if (!socket.destroyed) socket.write(`${JSON.stringify(message)}\n`)
  }
  session.on('inspectorNotification', send)
  const receive = (line) => {
    const { id, method, params } = JSON.parse(line)
    session.post(method, params, (error, result) =>
      send(error ? { id, error: { code: -32000, message: error.message } } : { id, result: result || {} }),
    )
  }
  let isOver = false
  const end = () => {
    if (isOver) return
    isOver = true
    session.disconnect() // lets a main thread that stands still go on
    socket.destroy()
    parentPort.close()
  }
  let text = ''
  socket.setEncoding('utf8')
  socket.on('data', (chunk) => {
    text += chunk
    const lines = text.split('\n')
    text = lines.pop()
    if (text.length > messageLengthMax) return end()
    try {
      lines.filter((line) => line !== '').forEach(receive)
    } catch {
      end() // not the protocol
    }
  })
  socket.on('error', end)
  socket.on('close', end)
  parentPort.once('message', end)
}
