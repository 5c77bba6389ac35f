// Writes down that it was started, then serves until it is told to end.
const { appendFileSync } = require('node:fs')
const { createServer } = require('node:http')

appendFileSync(process.env.START_LOG, `${process.env.POD_UID} ${process.pid}\n`)
const server = createServer((_request, response) => response.end(String(process.pid)))
server.listen(8000)
process.on('SIGTERM', () => process.exit(0))
