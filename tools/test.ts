/**
 * `npm test`: every test, with the real services they need; `--unit` only those beside the code; a file name only that
 * file. The last line is `N passed, N failed`.
 */
import { spawn } from 'node:child_process'
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { installParts } from './parts.ts'

const root = join(import.meta.dirname, '..')
const unit = ['src/**/*.test.ts', 'tests/tidy.test.ts']
/** They take seconds each, and together more than all others: only `npm test` runs them. */
const slow = new Set([
  'src/api/apply/apply-properties.test.ts',
  'src/api/apply/record-update.test.ts',
  'src/api/patch/strategic.test.ts',
  'src/api/resources/any-object.test.ts',
  'src/api/schema/protobuf.test.ts',
  'src/api/streams/log-lines.test.ts',
  'src/apiserver/cluster-keys.test.ts',
  'src/apiserver/compress.test.ts',
  'src/apiserver/connect/spdy-session.test.ts',
  'src/apiserver/consistency.test.ts',
  'src/apiserver/listen.test.ts',
  'src/apiserver/sealing/sealed-store.test.ts',
  'src/apiserver/verbs/apply.test.ts',
  'src/apiserver/yaml-body.test.ts',
  'src/apiserver/yaml.test.ts',
  'src/client/leader-election.test.ts',
  'src/gateway/failover.test.ts',
  'src/gateway/streaming.test.ts',
  'src/main/credential-renewal.test.ts',
  'src/main/data-dir-hold.test.ts',
  'src/main/s3-place.test.ts',
  'src/node/local-disks.test.ts',
  'src/node/log-follower.test.ts',
  'src/runtime/packages/cache.test.ts',
  'src/runtime/packages/real-registry.test.ts',
  'src/runtime/packages/trust.test.ts',
  'src/runtime/process/cgroup.test.ts',
  'src/runtime/process/exec-stream.test.ts',
  'src/runtime/process/fence.test.ts',
  'src/runtime/process/full-disk.test.ts',
  'src/runtime/process/insight.test.ts',
  'src/runtime/process/network/pod-network.test.ts',
  'src/runtime/process/preload.test.ts',
  'src/runtime/process/process-runtime.test.ts',
  'src/runtime/process/sandbox/permission.test.ts',
  'src/runtime/process/sandbox/sandbox.test.ts',
  'src/runtime/process/sandbox/wall-records.test.ts',
  'src/store/backup/backup.test.ts',
  'src/store/memory/memory-store.test.ts',
  'src/store/postgres/failover.test.ts',
  'src/store/postgres/failures.test.ts',
  'src/store/postgres/full.test.ts',
  'src/store/postgres/operation.test.ts',
  'src/store/postgres/postgres-store.test.ts',
  'src/store/postgres/tls.test.ts',
  'src/store/sqlite/crash.test.ts',
  'src/store/sqlite/damage.test.ts',
  'src/store/sqlite/flip.test.ts',
  'src/store/sqlite/full.test.ts',
  'src/store/sqlite/reopen.test.ts',
  'src/store/sqlite/scrub.test.ts',
  'src/store/sqlite/sqlite-store.test.ts',
])
const all = ['src/**/*.test.ts', 'tests/**/*.test.ts']
/** A hung test is a failure, not a hung run. The longest file takes four minutes on two quiet cores. */
const testTimeoutMs = 600_000

async function main(args: readonly string[]): Promise<number> {
  const isUnit = args.includes('--unit')
  const named = args.filter((arg) => !arg.startsWith('--'))
  if (!isUnit && named.length === 0) await installParts()
  const patterns = named.length > 0 ? named : isUnit ? unit : all
  const files = globSync(patterns, { cwd: root })
    .filter((file) => !isUnit || !slow.has(file))
    .toSorted()
  if (files.length === 0) {
    console.error(`no test matches ${patterns.join(' ')}`)
    return 1
  }
  const folder = mkdtempSync(join(tmpdir(), 'sampan-test-'))
  try {
    const totals = join(folder, 'totals')
    const code = await runTests(files, totals, isUnit)
    const { passed, failed, skipped } = JSON.parse(readFileSync(totals, 'utf8')) as Record<string, number>
    const skips = skipped ? `, ${skipped} skipped` : ''
    console.log(`${passed} passed, ${failed} failed${skips}`)
    return code === 0 && failed === 0 ? 0 : 1
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function runTests(files: readonly string[], totals: string, isUnit: boolean): Promise<number> {
  const reporters = [
    `--test-reporter=${isUnit ? 'dot' : 'spec'}`,
    '--test-reporter-destination=stdout',
    `--test-reporter=${join(import.meta.dirname, 'totals-reporter.mjs')}`,
    `--test-reporter-destination=${totals}`,
  ]
  const args = ['--test', `--test-timeout=${testTimeoutMs}`, '--test-concurrency=2', ...reporters, ...files]
  return new Promise((resolve, reject) => {
    // Agents that tests start leave the machine's packet filter alone.
    const env = { ...process.env, SAMPAN_NETWORK_WALL: 'none' }
    const child = spawn(process.execPath, args, { cwd: root, stdio: 'inherit', env })
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal))
    child.on('error', reject)
    child.on('exit', (code) => resolve(code ?? 1))
  })
}

process.exitCode = await main(process.argv.slice(2))
