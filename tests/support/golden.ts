/**
 * Golden files of commands: what a real client printed, and how it ended, in `tests/testdata/kubectl/FOLDER/CASE.txt`.
 * Where an older kubectl prints something else of its own, `CASE.VERSION.txt` beside it says what.
 * `UPDATE=1` writes them anew: read the difference before you commit it.
 */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { hostname, networkInterfaces } from 'node:os'
import { dirname, join } from 'node:path'
import { root, type Cluster, type KubectlOptions, type Output } from './cluster.ts'
import { newestKubectl, type KubectlVersion } from './kubectl.ts'

export const folderOfGoldens = join(root, 'tests', 'testdata', 'kubectl')
export const isUpdate = process.env['UPDATE'] === '1'

/** Runs kubectl with `command` and compares with the golden `name`; answers what it really printed. */
export type Golden = (name: string, command: string, options?: KubectlOptions) => Output

export function goldens(folder: string, cluster: () => Cluster): Golden {
  const seen = new Set<string>()
  return (name, command, options) => {
    assert.ok(!seen.has(name), `two cases of ${folder} are called ${name}`)
    seen.add(name)
    const output = cluster().kubectl(splitCommand(command), options)
    assertGolden(join(folder, name), command, output, cluster())
    return output
  }
}

/** `name` is `FOLDER/CASE`. */
export function assertGolden(
  name: string,
  command: string,
  output: Output,
  cluster: Cluster,
  version: KubectlVersion = newestKubectl,
): void {
  const { code, stdout, stderr } = output
  const parts = [
    `$ kubectl ${command}`,
    `exit code ${code}`,
    stdout && `stdout:\n${stdout}`,
    stderr && `stderr:\n${stderr}`,
  ]
  const actual = `${normalise(parts.filter(Boolean).join('\n'), cluster).trimEnd()}\n`
  const common = join(folderOfGoldens, `${name}.txt`)
  const own = join(folderOfGoldens, `${name}.${version}.txt`)
  if (isUpdate) {
    mkdirSync(dirname(common), { recursive: true })
    const isCommon = version === newestKubectl || actual === readFileSync(common, 'utf8')
    if (isCommon) rmSync(own, { force: true })
    writeFileSync(isCommon ? common : own, actual)
    return
  }
  const file = existsSync(own) ? own : common
  assert.ok(existsSync(file), `no golden file ${file}: write it with UPDATE=1\n${actual}`)
  assert.equal(actual, readFileSync(file, 'utf8'), `kubectl ${version} ${command}`)
}

/** Words, with 'single quotes' around what holds spaces. */
export function splitCommand(command: string): readonly string[] {
  return [...command.matchAll(/(?:[^\s']+|'[^']*')+/g)].map(([word]) => word.replaceAll("'", ''))
}

/**
 * Replaces what differs from run to run and from machine to machine, and nothing else. Columns keep two spaces between
 * them whatever their width, for the width follows from what was replaced.
 */
export function normalise(text: string, cluster: Cluster): string {
  let result = text
    // First: what looks like a word in it is none.
    .replace(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g, '<certificate>')
    .replaceAll(join(root, 'tests', 'testdata', 'apps'), '<apps>')
    .replaceAll(root, '<checkout>')
    .replaceAll(cluster.dataDir, '<data-dir>')
    .replace(new RegExp(`\\b${hostname().replaceAll('.', '\\.')}\\b`, 'g'), '<host>')
  for (const address of machineAddresses()) result = result.replaceAll(address, '<machine-ip>')
  for (const [pattern, replacement] of volatile) result = result.replace(pattern, replacement)
  return result
}

const machineAddresses = (): readonly string[] =>
  Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal, family }) => !internal && family === 'IPv4')
    .map(({ address }) => address)

const podSuffix = '[bcdfghjklmnpqrstvwxz2456789]{5}'
const templateHash = '[bcdfghjklmnpqrstvwxz2456789]{8,10}'
const age = '(?:\\d+[smhd]){1,2}'

const volatile: readonly (readonly [RegExp, string])[] = [
  // What kubectl itself logs: level, date, time, pid, file and line.
  [/^[EIW]\d{4} [\d:.]+ +\d+ [\w.]+:\d+\]/gm, '<klog>'],
  [/\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z| ?[+-]\d\d:?\d\d)/g, '<time>'],
  [/\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4}/g, '<time>'],
  [/\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![0-9a-f])/g, '<uid>'],
  [/("?resourceVersion"?: ?)"\d+"/g, '$1"<version>"'],
  [/(Resource Version: +)\d+/g, '$1<version>'],
  [/(Expected resource version to be \d+, was )\d+/g, '$1<version>'],
  [/\b10\.(?:6[4-9]|[78]\d|9[0-5])\.\d+\.\d+\b/g, '<pod-ip>'],
  [/\b10\.(?:9[6-9]|10\d|11[01])\.\d+\.\d+\b/g, '<cluster-ip>'],
  [/\b127\.0\.0\.1:\d+/g, '<address>'],
  // NAME-HASH-SUFFIX is a Deployment's pod, NAME-HASH its ReplicaSet, pod-template-hash the label of both.
  [new RegExp(`-${templateHash}-${podSuffix}\\b`, 'g'), '-<hash>-<suffix>'],
  [new RegExp(`(pod-template-hash"?[=:] ?"?)${templateHash}\\b`, 'g'), '$1<hash>'],
  [new RegExp(`\\b(web|slow|hello|api)-${templateHash}\\b`, 'g'), '$1-<hash>'],
  [new RegExp(`\\b(kube-api-access)-${podSuffix}\\b`, 'g'), '$1-<suffix>'],
  [new RegExp(`\\b(many)-${podSuffix}\\b`, 'g'), '$1-<suffix>'],
  [new RegExp(`\\(${age} ago\\)`, 'g'), '(<age> ago)'],
  [new RegExp(`\\(x\\d+ over ${age}\\)`, 'g'), '(x<count> over <age>)'],
  [new RegExp(`(?<=[ \\t]|^)${age}(?=\\s|$)`, 'gm'), '<age>'],
  [/(LIVE|MERGED)-\d+/g, '$1-<n>'],
  // Not the indentation behind a diff's + or -.
  [/(?<!^[+-])(?<=\S) {2,}(?=\S)/gm, '  '],
  [/ +$/gm, ''],
]
