// Counts the requests to /count: one line in its log and one answer for each, with the same number.
import { createServer } from 'node:http'

let count = 0
createServer((request, response) => {
  if (request.url !== '/count') return response.end('ready')
  count++
  console.log(`request ${count}`)
  response.end(`${process.env.HOSTNAME} ${count}`)
}).listen(3000)
