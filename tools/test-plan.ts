/** Which files of tests there are, which of them run at once, and in which order. */
import { globSync } from 'node:fs'

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
  'src/main/backup-verify.test.ts',
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
/**
 * Seconds on two quiet cores: what takes longest begins first, or everything else has ended and one file goes on alone. A file that is
 * not here takes a few seconds.
 */
const seconds: Readonly<Record<string, number>> = {
  'tests/e2e/attacks-cgroup2.test.ts': 550,
  'tests/e2e/crash.test.ts': 240,
  'tests/fuzz/fuzz.test.ts': 180,
  'tests/node/systemd.test.ts': 140,
  'tests/node/cgroup2.test.ts': 80,
  'tests/nemesis/nemesis.test.ts': 76,
  'tests/e2e/kubectl-verbs.test.ts': 80,
  'tests/e2e/kubectl-write.test.ts': 60,
  'tests/e2e/attacks.test.ts': 90,
  'tests/e2e/stores.test.ts': 90,
  'tests/e2e/replicas.test.ts': 75,
  'tests/e2e/machines.test.ts': 63,
  'tests/e2e/frameworks.test.ts': 50,
  'tests/e2e/agent-restarts.test.ts': 48,
  'tests/e2e/kubectl-read.test.ts': 44,
  'tests/e2e/fresh-clone.test.ts': 42,
  'tests/e2e/kubectl-rollout.test.ts': 41,
  'tests/e2e/kubectl-pods.test.ts': 36,
  'tests/e2e/examples.test.ts': 35,
  'tests/store/etcd/cluster.test.ts': 80,
  'tests/store/etcd/conformance.test.ts': 33,
  'tests/e2e/volumes.test.ts': 32,
  'tests/e2e/more-kinds.test.ts': 29,
  'tests/e2e/join.test.ts': 28,
  'tests/e2e/attacks-ordinary.test.ts': 27,
  'tests/node/run-once.test.ts': 26,
  'tests/node/crash.test.ts': 23,
  'tests/e2e/kubectl-client.test.ts': 23,
  'src/runtime/packages/cache.test.ts': 21,
  'tests/e2e/kubectl-inside.test.ts': 20,
  'src/store/postgres/operation.test.ts': 19,
  'tests/e2e/insight.test.ts': 18,
  'tests/e2e/prometheus.test.ts': 18,
  'tests/e2e/access.test.ts': 16,
  'tests/nemesis/faulty.test.ts': 16,
}

/** They wait for machines, pods and timeouts far more than they compute: one goes on beside others. */
const waiting = new Set<string>([
  'src/client/leader-election.test.ts',
  'src/store/postgres/failover.test.ts',
  'tests/e2e/join.test.ts',
  'tests/e2e/machines.test.ts',
  'tests/e2e/replicas.test.ts',
  'tests/e2e/volumes.test.ts',
  'tests/nemesis/faulty.test.ts',
  'tests/nemesis/nemesis.test.ts',
  'tests/node/run-once.test.ts',
  'tests/runner/runner.test.ts',
  'tests/store/etcd/cluster.test.ts',
])

/** Says whether anything runs at all. */
const first = 'tests/e2e/smoke.test.ts'

const unit = ['src/**/*.test.ts', 'tests/tidy.test.ts']
const all = ['src/**/*.test.ts', 'tests/**/*.test.ts']

/** The files to run; `named` are patterns. */
export function findFiles(root: string, { isUnit, named }: Wanted): readonly string[] {
  const patterns = named.length > 0 ? named : isUnit ? unit : all
  const files = globSync([...patterns], { cwd: root }).filter((file) => !isUnit || !slow.has(file))
  return files.toSorted().toSorted((a, b) => secondsOf(b) - secondsOf(a))
}

export interface Wanted {
  /** Only the quick ones beside the code. */
  readonly isUnit: boolean
  readonly named: readonly string[]
}

/** Every file that has a place in the plan. */
export const planned: readonly string[] = [first, ...slow, ...Object.keys(seconds), ...waiting]

const secondsOf = (file: string): number => seconds[file] ?? 0

interface Stage {
  /** As many at once as there are cores. */
  readonly computing: readonly string[]
  /** One at a time, beside those. */
  readonly waiting: readonly string[]
}

/** One after the other. */
export function stagesOf(files: readonly string[]): readonly Stage[] {
  const others = files.filter((file) => file !== first)
  return [
    { computing: files.filter((file) => file === first), waiting: [] },
    {
      computing: others.filter((file) => !waiting.has(file)),
      waiting: others.filter((file) => waiting.has(file)),
    },
  ]
}
