// Listens only once it has been told to, by a file: a start that takes exactly as long as a test wants.
import { createServer } from 'node:http'
import { existsSync } from 'node:fs'

const timer = setInterval(() => {
  if (!existsSync(process.env.START_FILE)) return
  clearInterval(timer)
  createServer((_, response) => response.end('at last\n')).listen(3000, () => console.log('started'))
}, 20)
