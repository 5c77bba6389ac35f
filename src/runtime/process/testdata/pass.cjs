/** Connects to a port of the machine's localhost in every way, and tells whom it reached. */
const net = require('node:net')
const port = Number(process.argv[2])

const reach = (...args) =>
  new Promise((resolve) => {
    const socket = net.connect(...args, () => {
      resolve(socket.remoteAddress)
      socket.destroy()
    })
    socket.on('error', (error) => resolve(error.code))
  })

async function main() {
  const passed = [await reach(port, '127.0.0.1'), await reach({ host: '127.0.0.1', port: String(port) })]
  const others = [await reach(port), await reach(port + 1, '127.0.0.1')]
  console.log(JSON.stringify({ passed, others }))
}
void main()
