import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './sampan.ts'

export const hello = join(root, 'examples', 'hello')

/** What an app's server.js says where it names its port. */
const ports = [
  { fixed: 'listen(3000', read: 'listen(Number(process.env.PORT)' },
  { fixed: 'port: 3000', read: 'port: Number(process.env.PORT)' },
]

/** The app in the folder `source`, but that it reads its port from PORT. */
export function copyApp(app: string, source = hello): void {
  cpSync(source, app, { recursive: true, verbatimSymlinks: true })
  const server = join(app, 'server.js')
  const text = readFileSync(server, 'utf8')
  const port = ports.find(({ fixed }) => text.includes(fixed))
  if (!port) throw new Error(`${server} names its port in none of the ways that are known here`)
  writeFileSync(server, text.replace(port.fixed, port.read))
}

/** The same fifteen lines, with `require`: Node.js itself starts them sooner (`docs/measurements.md`). In a folder below `folder`. */
export function helloAsCommonJs(folder: string): string {
  const app = join(folder, 'hello-commonjs-source')
  cpSync(hello, app, { recursive: true })
  const server = join(app, 'server.js')
  const text = readFileSync(server, 'utf8').replace(
    "import { createServer } from 'node:http'",
    "const { createServer } = require('node:http')",
  )
  if (!text.includes('require('))
    throw new Error(`${server} imports node:http in another way than is known here`)
  writeFileSync(server, text)
  writeFileSync(
    join(app, 'package.json'),
    JSON.stringify({ name: 'hello', version: '1.0.0', main: 'server.js' }),
  )
  return app
}
