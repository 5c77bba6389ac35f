import { createServer } from 'node:http'

const server = createServer((request, response) => {
  response.setHeader('content-type', 'text/plain; charset=utf-8')
  response.end(`Hello from ${process.env.HOSTNAME}, process ${process.pid}, Node.js ${process.version}\n`)
})

server.listen(3000, () => console.log('listening on port 3000'))

process.on('SIGTERM', () => server.close(() => process.exit(0)))
