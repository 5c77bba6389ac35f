import websocket from '@fastify/websocket'
import Fastify from 'fastify'

const app = Fastify({ logger: true })
await app.register(websocket)

app.get('/', async (request, reply) => {
  reply.type('text/html')
  return `<h1>Hello from Fastify</h1><p>${process.env.HOSTNAME} ${process.version}</p>`
})

app.get('/echo', { websocket: true }, (socket) => {
  socket.on('message', (message) => socket.send(`echo of ${message}`))
})

await app.listen({ port: 3000, host: '0.0.0.0' })
