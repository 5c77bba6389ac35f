/** The real Helm 4 against a cluster, with a home of its own for each test. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { root, type Cluster, type Output } from './cluster.ts'
import { helmPath } from './kubectl.ts'

/** A chart of `tests/testdata/charts`. */
export const chart = (name: string): string => join(root, 'tests', 'testdata', 'charts', name)

export interface Helm {
  /** Where Helm keeps its caches, and where it runs. */
  readonly home: string
  /** Never throws for an exit code. */
  run(args: string | readonly string[]): Output
  /** As `run`, but throws when Helm fails. Answers what it printed. */
  ok(args: string | readonly string[]): string
}

/** Everything that it does, it does in `namespace`. Its home goes with the cluster's folder. */
export function createHelm(cluster: Cluster, namespace: string): Helm {
  const home = mkdtempSync(join(cluster.dataDir, 'helm-'))
  const env = {
    PATH: process.env['PATH'],
    HOME: home,
    KUBECONFIG: cluster.kubeconfig,
    HELM_NAMESPACE: namespace,
    TZ: 'UTC',
  }
  const run = (args: string | readonly string[]): Output => {
    const list = typeof args === 'string' ? args.split(' ') : args
    const { status, stdout, stderr } = spawnSync(helmPath(), list, {
      cwd: home,
      env,
      encoding: 'utf8',
      timeout: 120_000,
    })
    return { code: status, stdout, stderr }
  }
  return {
    home,
    run,
    ok(args) {
      const { code, stdout, stderr } = run(args)
      if (code !== 0) throw new Error(`helm ${String(args)} failed with ${code}: ${stderr}${stdout}`)
      return stdout
    },
  }
}
