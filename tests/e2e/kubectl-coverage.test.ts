/** Counts the cases with golden files, and finds the verb that has none. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { caseOf } from '../support/every-kubectl.ts'
import { folderOfGoldens } from '../support/golden.ts'
import { kubectlPath, kubectlVersions } from '../support/kubectl.ts'

/** What part 2 of the plan promises. */
const casesMin = 250

interface Case {
  readonly name: string
  readonly verb: string
}

/**
 * Those that every kubectl runs: its suite fails for a golden file that none of its cases asks for. The folder `errors` is
 * about manifests, and one kubectl is enough for it.
 */
function allCases(): readonly Case[] {
  const files = readdirSync(folderOfGoldens, { recursive: true }).map(String)
  const names = files.filter((file) => file.endsWith('.txt') && dirname(file) !== 'errors').map(caseOf)
  return [...new Set(names)].map((name) => {
    const golden = readFileSync(join(folderOfGoldens, `${name}.txt`), 'utf8')
    return { name, verb: /^\$ kubectl (\S+)/.exec(golden)?.[1] ?? '' }
  })
}

/** Its help has them in groups, indented by two spaces and followed by what they do. */
const verbsOf = (help: string): readonly string[] =>
  [...help.matchAll(/^ {2}([a-z-]+) {2,}\S/gm)].map(([, verb = '']) => verb)

test(`at least ${casesMin} cases`, (t) => {
  const cases = allCases()
  t.diagnostic(`${cases.length} cases, each run with kubectl ${kubectlVersions.join(', ')}`)
  assert.ok(cases.length >= casesMin, `only ${cases.length}`)
})

for (const version of kubectlVersions)
  test(`no verb of kubectl ${version} is without a case`, () => {
    const verbs = verbsOf(execFileSync(kubectlPath(version), ['--help'], { encoding: 'utf8' }))
    assert.ok(verbs.length > 40, `the verbs are not found in the help: ${verbs.join(' ')}`)
    const covered = new Set(allCases().map(({ verb }) => verb))
    assert.deepEqual(
      verbs.filter((verb) => !covered.has(verb)),
      [],
    )
  })
