/** A registry on loopback that speaks as much of npm's protocol as installing needs, and fails as told. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

export interface FakePackage {
  readonly manifest: { readonly name: string; readonly version: string } & Readonly<Record<string, unknown>>
  /** Path → content; those under bin/ are executable. */
  readonly files?: Readonly<Record<string, string>>
  /** Instead of one made of `manifest` and `files`. */
  readonly tarball?: Buffer
  /** Serves only the first half of the tarball. */
  readonly cut?: boolean
}

export interface FakeRegistry extends AsyncDisposable {
  readonly url: string
  /** Paths in the order they were asked for. */
  readonly requests: string[]
  publish(entry: FakePackage): Promise<void>
  /** Answers everything with this status; 'hang' never answers; undefined ends it. */
  failWith(how: number | 'hang' | undefined): void
}

interface Published extends FakePackage {
  readonly tarball: Buffer
}

export async function openFakeRegistry(): Promise<FakeRegistry> {
  const published: Published[] = []
  const requests: string[] = []
  let failure: number | 'hang' | undefined
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? '')
    requests.push(path)
    if (failure === 'hang') return
    if (failure !== undefined) return void response.writeHead(failure).end('{}')
    answer(path, { request, response, published })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    requests,
    async publish(entry) {
      published.push({ ...entry, tarball: entry.tarball ?? (await pack(entry)) })
    },
    failWith: (how) => void (failure = how),
    async [Symbol.asyncDispose]() {
      server.close()
      server.closeAllConnections()
    },
  }
}

function answer(
  path: string,
  {
    request,
    response,
    published,
  }: {
    readonly request: IncomingMessage
    readonly response: ServerResponse
    readonly published: readonly Published[]
  },
): void {
  const tarball = published.find((p) => path === tarballPath(p))
  if (tarball) {
    const whole = tarball.tarball
    response.end(tarball.cut ? whole.subarray(0, whole.length / 2) : whole)
    return
  }
  const versions = published.filter((p) => path === `/${p.manifest.name}`)
  const latest = versions.at(-1)?.manifest.version
  if (latest === undefined) return void response.writeHead(404).end('{"error":"not found"}')
  const dist = (p: Published) => ({
    tarball: `http://${request.headers.host}${tarballPath(p)}`,
    integrity: `sha512-${createHash('sha512').update(p.tarball).digest('base64')}`,
  })
  response.setHeader('content-type', 'application/json')
  response.end(
    JSON.stringify({
      name: versions[0]?.manifest.name,
      'dist-tags': { latest },
      versions: Object.fromEntries(
        versions.map((p) => [p.manifest.version, { ...p.manifest, dist: dist(p) }]),
      ),
    }),
  )
}

const tarballPath = ({ manifest: { name, version } }: FakePackage) => `/${name}/-/${version}.tgz`

async function pack({ manifest, files = {} }: FakePackage): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), 'sampan-pack-'))
  try {
    for (const [path, content] of Object.entries({ ...files, 'package.json': JSON.stringify(manifest) })) {
      const file = join(folder, 'package', path)
      await mkdir(dirname(file), { recursive: true })
      await writeFile(file, content)
      if (path.startsWith('bin/')) await chmod(file, 0o755)
    }
    const { stdout } = await promisify(execFile)('tar', ['-czf', '-', '-C', folder, 'package'], {
      encoding: 'buffer',
    })
    return stdout
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
