/**
 * Scripts in the format of upstream's command-line tests, with the real kubectl. Those of `tests/testdata/txtar` always run;
 * `SAMPAN_TXTAR_DIR=…/kubernetes/test/cmd/testdata` runs upstream's own from a checkout of theirs, which is no part of ours.
 */
import assert from 'node:assert/strict'
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { test, type TestContext } from 'node:test'
import { root } from '../support/cluster.ts'
import { kubectlPath, kubectlVersions, newestKubectl, type KubectlVersion } from '../support/kubectl.ts'
import { kubectlCommands } from '../support/txtar/kubectl-commands.ts'
import { openScriptApi } from '../support/txtar/script-api.ts'
import { runScript } from '../support/txtar/script.ts'

/** Names that upstream's scripts use for images; nothing pulls them. */
const images = {
  IMAGE_NGINX: 'registry.k8s.io/nginx:1.7.9',
  IMAGE_DEPLOYMENT_R1: 'registry.k8s.io/nginx:test-cmd',
  IMAGE_DEPLOYMENT_R2: 'registry.k8s.io/nginx:1.7.9',
  IMAGE_PERL: 'registry.k8s.io/perl',
  IMAGE_PAUSE_V2: 'registry.k8s.io/pause:2.0',
  IMAGE_DAEMONSET_R2: 'registry.k8s.io/pause:latest',
  IMAGE_DAEMONSET_R2_2: 'registry.k8s.io/nginx:test-cmd',
  IMAGE_STATEFULSET_R1: 'registry.k8s.io/nginx-slim:0.7',
  IMAGE_STATEFULSET_R2: 'registry.k8s.io/nginx-slim:0.8',
}

interface Script {
  readonly path: string
  readonly version: KubectlVersion
  /** Where relative paths of manifests begin. */
  readonly kubeRoot: string
}

async function runAgainstApi(t: TestContext, { path, version, kubeRoot }: Script): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'sampan-txtar-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  await using api = await openScriptApi(folder, 'script')
  const { lines, skipped } = await runScript(readFileSync(path, 'utf8'), {
    work: mkdtempSync(join(folder, 'work-')),
    commands: kubectlCommands(kubectlPath(version)),
    env: { ...images, KUBECONFIG: api.kubeconfig, KUBE_ROOT: kubeRoot, HOME: folder },
  })
  t.diagnostic(`${lines} lines`)
  if (skipped !== undefined) t.skip(skipped)
}

const own = globSync(join(root, 'tests', 'testdata', 'txtar', 'kubectl-*.txtar'))
assert.ok(own.length > 0)
for (const version of kubectlVersions)
  for (const path of own)
    test(`${basename(path)} with kubectl ${version}`, (t) =>
      runAgainstApi(t, { path, version, kubeRoot: root }))

const upstream = process.env['SAMPAN_TXTAR_DIR']
if (upstream === undefined)
  // Nothing is missing that could be installed, so this is a pass with a word, also where CI=true forbids skips.
  test('upstream’s scripts are not asked for', (t) =>
    t.diagnostic('SAMPAN_TXTAR_DIR names no folder of them; CONTRIBUTING.md says how to run them'))
else {
  const scripts = globSync(join(upstream, '*.txtar')).toSorted()
  test('upstream’s folder has scripts', () => assert.ok(scripts.length > 0, `${upstream} has no *.txtar`))
  for (const path of scripts)
    test(`upstream: ${basename(path)}`, (t) =>
      // …/test/cmd/testdata/x.txtar
      runAgainstApi(t, { path, version: newestKubectl, kubeRoot: resolve(dirname(path), '..', '..', '..') }))
}
