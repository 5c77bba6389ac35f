// Answers WebSocket messages with its NAME and their length.
import { WebSocketServer } from 'ws'

const server = new WebSocketServer({ port: 3000 })
server.on('connection', (socket) => {
  socket.on('message', (text) => socket.send(JSON.stringify([process.env.NAME, text.length])))
})
server.on('listening', () => console.log('up'))
