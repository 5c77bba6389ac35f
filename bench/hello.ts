import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './sampan.ts'

export const hello = join(root, 'examples', 'hello')

/** examples/hello, but that it reads its port from PORT. */
export function copyApp(app: string): void {
  cpSync(hello, app, { recursive: true })
  const server = join(app, 'server.js')
  writeFileSync(
    server,
    readFileSync(server, 'utf8').replace('listen(3000', 'listen(Number(process.env.PORT)'),
  )
}
