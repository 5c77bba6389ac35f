/**
 * One file of cases, run by every kubectl that Sampan promises to serve. Each version has a Sampan of its own, which costs
 * two seconds and saves every case from knowing that there are others; the versions run beside each other, because a case
 * mostly waits for pods.
 */
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { openCluster, printed, type Cluster, type KubectlOptions, type Output } from './cluster.ts'
import { assertGolden, folderOfGoldens, isUpdate, splitCommand } from './golden.ts'
import { kubectlVersions, type KubectlVersion } from './kubectl.ts'

export interface Suite {
  readonly version: KubectlVersion
  /** Open from `prepare` on. */
  readonly cluster: Cluster
  /** Runs `command`, which may have 'quoted words', and compares with the golden `name`. Answers what it printed. */
  readonly golden: (name: string, command: string, options?: KubectlOptions) => Promise<Output>
  /** Never throws for an exit code. */
  readonly kubectl: (args: readonly string[] | string, options?: KubectlOptions) => Promise<Output>
  /** Throws when it fails. Answers what it printed. */
  readonly ok: (args: readonly string[] | string, options?: KubectlOptions) => Promise<string>
}

export interface SuiteOptions {
  /** The goldens are in this folder of `tests/testdata/kubectl`. */
  readonly folder: string
  readonly prepare?: (suite: Suite) => Promise<unknown>
  /** Registers the tests, which run one after the other. */
  readonly define: (suite: Suite) => void
}

export function everyKubectl({ folder, prepare, define }: SuiteOptions): void {
  // What is written anew must have the newest's before the older ones compare.
  describe(folder, { concurrency: isUpdate ? 1 : kubectlVersions.length }, () => {
    for (const version of kubectlVersions)
      describe(`kubectl ${version}`, { concurrency: 1 }, () => {
        const seen = new Set<string>()
        let cluster: Cluster | undefined
        const suite = suiteOf({ folder, version, seen, clusterOf: () => cluster })
        before(async () => {
          cluster = await openCluster({ kubectl: version })
          await prepare?.(suite)
        })
        after(() => cluster?.[Symbol.asyncDispose]())
        define(suite)
        test('every golden file is of a case', (t) => {
          t.diagnostic(`${seen.size} cases with kubectl ${version}`)
          const files = readdirSync(join(folderOfGoldens, folder)).map((file) => caseOf(file))
          assert.deepEqual([...new Set(files)].toSorted(), [...seen].toSorted())
        })
      })
  })
}

/** `CASE.txt` and `CASE.1.28.txt` are of one case. */
export const caseOf = (file: string): string => file.replace(/(\.\d+\.\d+)?\.txt$/, '')

function suiteOf(suite: {
  readonly folder: string
  readonly version: KubectlVersion
  readonly seen: Set<string>
  readonly clusterOf: () => Cluster | undefined
}): Suite {
  const { folder, version, seen } = suite
  const clusterOf = (): Cluster => {
    const cluster = suite.clusterOf()
    assert.ok(cluster, 'the cluster is open once the tests run')
    return cluster
  }
  return {
    version,
    get cluster() {
      return clusterOf()
    },
    async golden(name, command, options) {
      assert.ok(!seen.has(name), `two cases of ${folder} are called ${name}`)
      seen.add(name)
      const output = await clusterOf().run(splitCommand(command), options)
      assertGolden(join(folder, name), command, output, clusterOf(), version)
      return output
    },
    kubectl: (args, options) => clusterOf().run(args, options),
    ok: async (args, options) => printed(args, await clusterOf().run(args, options)),
  }
}
