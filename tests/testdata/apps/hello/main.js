// Answers every request with one line.
import { createServer } from 'node:http'

const greeting = process.env.GREETING ?? 'hello'
createServer((request, response) => response.end(`${greeting} ${request.url}\n`)).listen(3000, () =>
  console.log('listening on 3000'),
)
