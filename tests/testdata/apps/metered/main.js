// Tells Prometheus how often it was asked. BUSY makes it use that many hundredths of a CPU.
import { createServer } from 'node:http'

let scrapes = 0
createServer((request, response) => {
  if (request.url !== '/metrics') return response.end('ok\n')
  response.setHeader('content-type', 'text/plain; version=0.0.4')
  response.end(`# TYPE app_scrapes_total counter\napp_scrapes_total ${++scrapes}\n`)
}).listen(3000, () => console.log('listening on 3000'))

const busy = Number(process.env.BUSY ?? 0)
if (busy > 0)
  setInterval(() => {
    const until = performance.now() + busy
    while (performance.now() < until);
  }, 100)
