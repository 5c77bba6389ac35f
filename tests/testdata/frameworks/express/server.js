const { join } = require('node:path')
const express = require('express')

const app = express()
app.use(express.static(join(__dirname, 'public')))

app.get('/', (request, response) => {
  response.send(`<h1>Hello from Express</h1><p>${process.env.HOSTNAME} ${process.version}</p>`)
})

app.get('/ticks', (request, response) => {
  response.type('text/event-stream')
  let count = 0
  const tick = () => response.write(`data: ${++count}\n\n`)
  tick()
  const timer = setInterval(tick, 100)
  request.on('close', () => clearInterval(timer))
})

app.listen(3000, () => console.log('Express listens on 3000'))
