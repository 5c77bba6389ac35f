import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import pacote from 'pacote'
import { realClock } from '../../base/clock.ts'
import { silentLogger } from '../../base/logger.ts'
import { openProcessRuntime } from '../process/process-runtime.ts'
import { openPackageCache } from './cache.ts'
import { resolveEntry } from './entry.ts'
import { readNpmConfig } from './npm-config.ts'

const never = new AbortController().signal

/** Why the registry cannot be used; on CI that is a failure, elsewhere a reason to skip. */
async function unreachable(): Promise<string | false> {
  if (process.env['CI'] === 'true') return false
  try {
    const npm = await readNpmConfig({ env: process.env, home: homedir(), nodePath: process.execPath })
    await pacote.manifest('is-number@7.0.0', { ...npm, fetchRetries: 0, timeout: 5000 })
    return false
  } catch (e) {
    return `the npm registry cannot be reached: ${e instanceof Error ? e.message : String(e)}`
  }
}

describe('the npm registry', { skip: await unreachable() }, () => {
  it('serves http-server, whose two copies then serve on the port they default to', async () => {
    const root = await mkdtemp(join(tmpdir(), 'sampan-registry-'))
    const runtime = openProcessRuntime({ clock: realClock })
    const started = []
    try {
      await using cache = await openPackageCache({
        root: join(root, 'cache'),
        nodeDefault: { path: process.execPath, version: process.versions.node },
        clock: realClock,
        logger: silentLogger,
      })
      const prepared = await cache.ensure({ scheme: 'npm', name: 'http-server', version: '14' }, {}, never)
      const { argv, cwd, node, path } = await resolveEntry(prepared, { workspace: root })
      // Addresses of this run alone.
      const base = `127.${200 + (process.pid % 50)}.${Math.floor(process.pid / 50) % 250}`
      for (const address of [`${base}.1`, `${base}.2`]) {
        const id = `copy-${address}`
        const handle = await runtime.start({
          id,
          argv,
          cwd,
          node,
          address,
          env: { PATH: path, NODE_NO_WARNINGS: '1' },
          stdoutPath: join(root, `${id}.out`),
          stderrPath: join(root, `${id}.err`),
          stateDir: join(root, id),
        })
        started.push(handle)
        const answers = () =>
          fetch(`http://${address}:8080/`).then(
            (r) => r.status,
            () => 0,
          )
        while ((await answers()) !== 200) {
          assert.equal((await runtime.inspect(handle)).phase, 'running')
          await realClock.sleep(20)
        }
      }
    } finally {
      await Promise.all(started.map((h) => runtime.stop(h, { signal: 'SIGTERM', graceMs: 5000 })))
      await rm(root, { recursive: true, force: true })
    }
  })
})
