/**
 * `npm run build`: bundles `src/` to `dist/` for publishing (of another folder, if one is named), since Node.js strips no types below `node_modules`. Each
 * process loads a dozen files instead of hundreds; docs/decisions/0009-bundles.md has what that brings.
 */
import { copyFileSync, globSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { rolldown } from 'rolldown'

const root = join(import.meta.dirname, '..')
const dist = join(process.argv[2] ?? root, 'dist')
/** All in one folder, as deep as `src/main`: an entry finds its neighbours in it and the package two levels up. */
const target = join(dist, 'main')

/** What is started by name: by `bin/sampan`, by other processes, as a thread of one. */
const entries = {
  cli: 'main/cli.ts',
  supervisor: 'main/supervisor.ts',
  run: 'main/run.ts',
  'install-worker': 'runtime/packages/install-worker.ts',
  'yaml-thread': 'apiserver/yaml-thread.ts',
  'network-keeper': 'runtime/process/network/network-keeper.ts',
}

/** Packages of which something is needed at every start. The others stay in `node_modules` until somebody needs them. */
const inlined = ['commander', 'semver']

async function bundle(name: string, file: string): Promise<void> {
  await using build = await rolldown({
    input: { [name]: join(root, 'src', file) },
    platform: 'node',
    external: (id) => !/^[./]/.test(id) && !inlined.includes(id.split('/')[0] ?? ''),
  })
  const { output } = await build.generate({
    // As CommonJS: an `import` from one of Node.js's own modules also loads what its getters are there to put off.
    format: 'cjs',
    comments: false,
    entryFileNames: '[name].cjs',
    chunkFileNames: `${name}-[name].cjs`,
  })
  for (const chunk of output) {
    if (chunk.type === 'chunk') writeFileSync(join(target, chunk.fileName), inAscii(chunk.code))
  }
}

/** V8 keeps a source with a single letter beyond Latin-1 at two bytes for each letter, as long as the process lives. */
function inAscii(code: string): string {
  return code.replaceAll(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

rmSync(dist, { recursive: true, force: true })
mkdirSync(target, { recursive: true })
for (const [name, file] of Object.entries(entries)) await bundle(name, file)
// Given to Node.js by their paths.
for (const file of globSync('src/**/*.cjs', { cwd: root, exclude: ['**/testdata/**'] })) {
  copyFileSync(join(root, file), join(target, basename(file)))
}
const licenses = join(dist, 'licenses')
mkdirSync(licenses)
for (const name of inlined) {
  copyFileSync(join(root, 'node_modules', name, 'LICENSE'), join(licenses, `${name}.txt`))
}
