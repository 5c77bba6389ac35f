/** The floor plan and the habits that a machine can check. What it can't, STYLE.md says. */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { test } from 'node:test'
import { sampanVersion } from '../src/base/version.ts'

const root = join(import.meta.dirname, '..')
const read = (file: string) => readFileSync(join(root, file), 'utf8')

/** Room → rooms that it may import. */
const floorPlan: Readonly<Record<string, readonly string[]>> = {
  base: [],
  api: ['base'],
  store: ['base'],
  runtime: ['base'],
  client: ['base', 'api'],
  apiserver: ['base', 'api', 'store'],
  controllers: ['base', 'api', 'client'],
  scheduler: ['base', 'api', 'client'],
  gateway: ['base', 'api', 'client'],
  cli: ['base', 'api', 'client'],
  node: ['base', 'api', 'client', 'runtime'],
  main: [
    'base',
    'api',
    'store',
    'runtime',
    'client',
    'apiserver',
    'controllers',
    'scheduler',
    'gateway',
    'cli',
    'node',
  ],
}
const browserSafe = ['api']

const fileLinesMax = 400
const testLinesMax = 600
/** Tables of data, not code: no head has to hold them. */
const longFiles = new Set(['src/api/schema/kubernetes.gen.ts', 'src/api/schema/types.gen.ts'])

interface Ban {
  readonly pattern: RegExp
  readonly why: string
  readonly except?: RegExp
}
const timeAndChance = /^src\/base\/|\.test\.ts$|conformance\.ts$/
const bans: readonly Ban[] = [
  { pattern: /\bDate\.now\(|\bnew Date\(\)/, why: 'take a Clock', except: timeAndChance },
  { pattern: /(?<!\.)\bset(Timeout|Interval)\(/, why: 'take a Clock', except: timeAndChance },
  { pattern: /\bMath\.random\(|\brandomUUID\b/, why: 'take a Random', except: timeAndChance },
  { pattern: /\bFIXME\b|\bXXX\b/, why: 'write TODO(#issue): or mend it' },
  { pattern: /\bTODO\b(?!\(#\d+\):)/, why: 'write TODO(#issue):' },
  {
    pattern: /\bconsole\.(log|error|warn)\(/,
    why: 'log through a Logger; only commands print',
    except: /^src\/(main|cli)\/|\.test\.ts$/,
  },
  {
    pattern: /^import (?!type).* from 'node:http'/,
    why: 'take it from base/node-http.ts',
    except: /\.test\.ts$|fixture|testdata/,
  },
  { pattern: /\bmock\.module\b/, why: 'run the real module' },
  { pattern: /catch( \(\w+\))? \{\s*\}/, why: 'say in a sentence why an error may be ignored' },
  { pattern: /(oxlint|eslint)-disable(?!.* -- )/, why: 'give the reason after --' },
  { pattern: /\b(test|it|describe)\.only\(/, why: 'run them all' },
]

const sources = globSync('src/**/*.ts', { cwd: root }).toSorted()
const tests = [
  ...globSync('tests/**/*.ts', { cwd: root }),
  ...globSync('bench/**/*.ts', { cwd: root }),
].toSorted()
const room = (file: string) => file.split('/')[1] ?? ''
const importsOf = (file: string) =>
  [...read(file).matchAll(/^(?:import|export)\b[^'"]*?['"]([^'"]+)['"]|\bimport\(['"]([^'"]+)['"]\)/gm)].map(
    (match) => match[1] ?? match[2] ?? '',
  )

test('imports point down the floor plan', () => {
  const wrong: string[] = []
  for (const file of sources) {
    for (const specifier of importsOf(file)) {
      if (!specifier.startsWith('.')) continue
      const target = relative(root, resolve(root, dirname(file), specifier))
      const [from, to] = [room(file), room(target)]
      if (!target.startsWith('src/')) wrong.push(`${file} imports ${specifier} from outside src/`)
      else if (from !== to && !floorPlan[from]?.includes(to))
        wrong.push(`${file} (${from}) imports ${specifier} (${to})`)
    }
  }
  assert.deepEqual(wrong, [])
})

test('every room is on the floor plan and in ARCHITECTURE.md', () => {
  const rooms = new Set(sources.map(room))
  const architecture = read('ARCHITECTURE.md')
  const unknown = [...rooms].filter((name) => !(name in floorPlan) || !architecture.includes(`\`${name}/\``))
  assert.deepEqual(unknown, [])
})

test('browser-safe rooms use nothing of Node.js', () => {
  const wrong: string[] = []
  for (const file of sources.filter((f) => browserSafe.includes(room(f)) && !f.endsWith('.test.ts'))) {
    for (const specifier of importsOf(file))
      if (specifier.startsWith('node:')) wrong.push(`${file}: ${specifier}`)
    if (/\bBuffer\.|\bprocess\./.test(code(read(file)))) wrong.push(`${file}: a global of Node.js`)
  }
  assert.deepEqual(wrong, [])
})

test('a file fits in a head', () => {
  const long: string[] = []
  for (const file of [...sources, ...tests]) {
    const lines = read(file).split('\n').length - 1
    const max = /\.test\.ts$|^tests\//.test(file) ? testLinesMax : fileLinesMax
    if (lines > max && !longFiles.has(file)) long.push(`${file}: ${lines} lines, at most ${max}`)
  }
  assert.deepEqual(long, [])
})

test('banned calls and words are absent', () => {
  const found: string[] = []
  for (const file of sources) {
    const text = read(file)
    for (const { pattern, why, except } of bans) {
      if (except?.test(file)) continue
      text.split('\n').forEach((line, i) => {
        if (pattern.test(line)) found.push(`${file}:${i + 1}: ${line.trim()} (${why})`)
      })
    }
  }
  assert.deepEqual(found, [])
})

// While a file waits between two of its tests, those above may all have ended: Node.js then runs its `after`.
test('a test file awaits what it needs before its first test', () => {
  const late: string[] = []
  for (const file of [...sources, ...tests].filter((name) => name.endsWith('.test.ts'))) {
    const [, ...below] = read(file).split(/^(?=[ ]{0,2}test\()/m)
    for (const line of below.join('').split('\n'))
      if (/^(?! |.*(?:=>|\basync\b|^\/\/|'[^']*\bawait\b)).*\bawait\b/.test(line))
        late.push(`${file}: ${line}`)
  }
  assert.deepEqual(late, [])
})

test('no file is dead: each is imported, run by name, or a test', () => {
  const used = new Set<string>()
  for (const file of [...sources, ...tests, ...globSync('tools/*.ts', { cwd: root })]) {
    for (const specifier of importsOf(file)) {
      if (specifier.startsWith('.')) used.add(relative(root, resolve(root, dirname(file), specifier)))
    }
    // Entries of processes and workers are named as URLs or paths.
    for (const [, name] of read(file).matchAll(/['"]\.{1,2}\/([\w./-]+\.(?:ts|cjs))['"]/g)) {
      used.add(relative(root, resolve(root, dirname(file), name ?? '')))
    }
    for (const [, name] of read(file).matchAll(/\bneighbour\(import\.meta\.url, '([\w-]+)'\)/g)) {
      used.add(join(dirname(file), `${name}.ts`))
    }
  }
  const dead = sources.filter(
    (file) => !file.endsWith('.test.ts') && !used.has(file) && file !== 'src/main/cli.ts',
  )
  assert.deepEqual(dead, [])
})

test('the version in the code is that of the package', () => {
  const { version } = JSON.parse(read('package.json')) as { version: string }
  assert.equal(sampanVersion, version)
})

test('Markdown links to files lead somewhere', () => {
  const broken: string[] = []
  for (const file of globSync(['*.md', 'docs/**/*.md', 'examples/**/*.md'], { cwd: root })) {
    for (const [, target] of read(file).matchAll(/\]\(([^)#:\s]+)(?:#[^)]*)?\)/g)) {
      if (target && globSync(join(dirname(file), target), { cwd: root }).length === 0)
        broken.push(`${file}: ${target}`)
    }
  }
  assert.deepEqual(broken, [])
})

/** The text without comments and strings, roughly. */
function code(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '').replace(/'(?:[^'\\\n]|\\.)*'/g, "''")
}
