/**
 * Apps on frameworks, installed from the npm registry and built as their users do. What was installed and built is kept in
 * the system's folder for temporary files, by a hash of the app's files: a second run finds it.
 */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import {
  chmodSync,
  cpSync,
  existsSync,
  globSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { root } from './cluster.ts'

export interface Framework {
  readonly name: string
  /** The command that builds it, with what its `scripts.build` runs; without it the app runs as it is. */
  readonly build?: readonly string[]
}

/** The folder of the app, ready to run. */
export async function prepareApp({ name, build }: Framework): Promise<string> {
  const source = join(root, 'tests', 'testdata', 'frameworks', name)
  const kept = join(process.env['SAMPAN_TEST_KEPT'] ?? tmpdir(), `sampan-${name}-${hashOf(source)}`)
  if (existsSync(kept)) return kept
  const folder = mkdtempSync(`${kept}.`)
  chmodSync(folder, 0o755) // sandboxed apps have users of their own
  try {
    cpSync(source, folder, { recursive: true })
    // Not `npm ci`: that wants the parts for other systems in the lock, which not every registry has.
    await run(['npm', 'install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund'], folder)
    if (build) await run(build, folder)
    renameSync(folder, kept)
  } catch (error) {
    rmSync(folder, { recursive: true, force: true })
    if (!existsSync(kept)) throw error // else another run was faster
  }
  return kept
}

function hashOf(folder: string): string {
  const hash = createHash('sha256')
  for (const file of globSync('**/*', { cwd: folder }).toSorted())
    if (statSync(join(folder, file)).isFile())
      hash.update(`${file}\n`).update(readFileSync(join(folder, file)))
  return hash.digest('hex').slice(0, 16)
}

/** Finds programs of the app, of this repository, and of the machine, in this order, and runs them on the Node.js of the tests. */
async function run([program = '', ...args]: readonly string[], folder: string): Promise<void> {
  const tools = [
    join(folder, 'node_modules', '.bin'),
    join(root, 'node_modules', '.bin'),
    dirname(process.execPath),
  ]
  const child = spawn(program, args, {
    cwd: folder,
    env: {
      ...process.env,
      NODE_ENV: 'production',
      NEXT_TELEMETRY_DISABLED: '1',
      PATH: [...tools, process.env['PATH']].join(delimiter),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += String(chunk)))
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code} in ${folder}: ${output}`)
}
