/** `npm run build`: compiles `src/` to `dist/` for publishing, since Node.js strips no types below `node_modules`. */
import { spawnSync } from 'node:child_process'
import { cpSync, globSync, rmSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const dist = join(root, 'dist')

rmSync(dist, { recursive: true, force: true })
const tsc = join(root, 'node_modules', '.bin', 'tsc')
const { status } = spawnSync(tsc, ['-p', join(root, 'tsconfig.build.json')], { stdio: 'inherit' })
const notTypeScript = globSync('**/*.cjs', { cwd: join(root, 'src'), exclude: ['**/testdata/**'] })
for (const file of notTypeScript) cpSync(join(root, 'src', file), join(dist, file))
process.exitCode = status ?? 1
