// HTTP on 3000; on 4000 a TCP server that answers, once its client has ended, with what it has read. Ticks on both outputs.
import { createServer } from 'node:http'
import { createServer as createTcpServer } from 'node:net'

const server = createServer((request, response) => {
  if (request.url === '/cookies') response.setHeader('set-cookie', ['a=1; Path=/', 'b=2, c; Path=/'])
  if (request.url === '/stream') {
    response.write('first')
    return void setTimeout(() => response.end(' second'), 300)
  }
  let body = ''
  request.setEncoding('utf8')
  request.on('data', (chunk) => (body += chunk))
  request.on('end', () => {
    const { authorization, 'x-mine': mine } = request.headers
    response.end(JSON.stringify({ method: request.method, url: request.url, body, authorization, mine }))
  })
})
server.on('upgrade', (request, socket) => {
  socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n')
  socket.pipe(socket)
})
server.listen(3000)

createTcpServer({ allowHalfOpen: true }, (socket) => {
  const chunks = []
  socket.on('data', (chunk) => chunks.push(chunk))
  socket.on('end', () => socket.end(Buffer.concat(chunks)))
  socket.on('error', () => {})
}).listen(4000)

let ticks = 0
setInterval(() => {
  console.log(`tick ${++ticks}`)
  console.error(`tock ${ticks}`)
}, 200)
