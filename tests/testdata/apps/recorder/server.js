// Writes down that it was started, then serves until it is told to end.
const { appendFileSync } = require('node:fs')
const { createServer } = require('node:http')

const { START_LOG, POD_UID, POD_NAME } = process.env
appendFileSync(START_LOG, `${POD_UID} ${process.pid} ${POD_NAME} ${Date.now()}\n`)
const server = createServer((_request, response) => response.end(String(process.pid)))
server.listen(8000)
process.on('SIGTERM', () => process.exit(0))
