// Can be made busy (BUSY hundredths of a CPU, in a function of its own), full, or to crash.
import { createServer } from 'node:http'

class Barrel {}
const cellar = []
const waiting = []

function rowTheBoat(ms) {
  const until = performance.now() + ms
  while (performance.now() < until) stroke()
}

/** A call of its own: time inside of one long loop is not always told as its function's. */
function stroke() {
  let way = 0
  for (let step = 0; step < 1e4; step++) way += Math.sqrt(step)
  return way
}

createServer((request, response) => {
  if (request.url === '/wait') return void waiting.push(response)
  if (request.url === '/crash') throw new RangeError('the boat is full')
  if (request.url === '/fill') for (;;) cellar.push(Array.from({ length: 1000 }, () => cellar.length))
  if (request.url === '/store') for (let count = 0; count < 1000; count++) cellar.push(new Barrel())
  response.end('ok\n')
}).listen(3000, () => console.log('listening on 3000'))

const busy = Number(process.env.BUSY ?? 0)
if (busy > 0) setInterval(() => rowTheBoat(busy), 100)
