import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { chooseEntry, type Entry } from './choose-entry.ts'
import { PackageError } from './errors.ts'
import { parseManifest } from './manifest.ts'

const choose = (scheme: 'npm' | 'dir', json: unknown, files: readonly string[]): Entry =>
  chooseEntry({
    scheme,
    title: 'x@1.0.0',
    manifest: json === undefined ? undefined : parseManifest(json),
    isFile: (path) => files.includes(path),
  })
const bin = (file: string): Entry => ({ kind: 'bin', file })
const file = (name: string): Entry => ({ kind: 'file', file: name })
const script = (line: string): Entry => ({ kind: 'script', script: line })

describe('chooseEntry', () => {
  const cases: [string, 'npm' | 'dir', unknown, string[], Entry][] = [
    ['a bin that is a path', 'npm', { name: 'x', bin: './cli.js' }, ['cli.js'], bin('cli.js')],
    ['a single bin of another name', 'npm', { name: 'x', bin: { y: 'y.js' } }, ['y.js'], bin('y.js')],
    [
      'the bin named like the package',
      'npm',
      { name: 'x', bin: { y: 'y.js', x: 'x.js' } },
      ['x.js'],
      bin('x.js'),
    ],
    ['the bin of a scoped package', 'npm', { name: '@s/x', bin: { y: 'y', x: 'x' } }, ['x', 'y'], bin('x')],
    ['bin before main', 'npm', { name: 'x', bin: 'c.js', main: 'm.js' }, ['c.js', 'm.js'], bin('c.js')],
    ['main', 'npm', { main: 'lib/m.js' }, ['lib/m.js'], file('lib/m.js')],
    ['main without its extension', 'npm', { main: './lib/m' }, ['lib/m.js'], file('lib/m.js')],
    ['main that is a folder', 'npm', { main: 'lib/' }, ['lib/index.js'], file('lib/index.js')],
    ['exports as text', 'npm', { exports: './e.js' }, ['e.js'], file('e.js')],
    [
      'exports with conditions',
      'npm',
      { exports: { '.': { types: './t.d.ts', import: { default: './e.mjs' }, require: './e.cjs' } } },
      ['e.mjs', 'e.cjs'],
      file('e.mjs'),
    ],
    [
      'main when exports lead nowhere',
      'npm',
      { exports: { './x': './x.js' }, main: 'm.js' },
      ['m.js', 'x.js'],
      file('m.js'),
    ],
    ['index.js without main', 'npm', {}, ['index.js'], file('index.js')],
    ['index.js when main is missing', 'npm', { main: 'gone.js' }, ['index.js'], file('index.js')],
    [
      'start script of a folder',
      'dir',
      { scripts: { start: 'next start' }, main: 'm.js' },
      ['m.js'],
      script('next start'),
    ],
    ['prestart, too', 'dir', { scripts: { prestart: 'build', start: 'run' } }, [], script('(build) && run')],
    ['main of a folder', 'dir', { main: 'm.js' }, ['m.js', 'server.js'], file('m.js')],
    ['server.js', 'dir', {}, ['server.js', 'index.js'], file('server.js')],
    ['a folder without package.json', 'dir', undefined, ['index.js'], file('index.js')],
    ['bin of a folder last', 'dir', { bin: 'cli.js' }, ['cli.js'], bin('cli.js')],
  ]
  for (const [what, scheme, json, files, expected] of cases) {
    it(`takes ${what}`, () => assert.deepEqual(choose(scheme, json, files), expected))
  }

  const refused: [string, 'npm' | 'dir', unknown, string[], string, RegExp][] = [
    [
      'several bins',
      'npm',
      { name: 'x', bin: { a: 'a', b: 'b' } },
      ['a', 'b'],
      'ambiguous-entry',
      /one of: a, b$/,
    ],
    [
      'a bin that is missing',
      'npm',
      { name: 'x', bin: 'gone.js' },
      [],
      'no-entry',
      /gone\.js, is not in the package/,
    ],
    [
      'a bin outside',
      'npm',
      { name: 'x', bin: '../../evil' },
      ['../../evil'],
      'no-entry',
      /not in the package/,
    ],
    ['a library of types', 'npm', { types: 'x.d.ts' }, ['x.d.ts'], 'no-entry', /may be a library/],
    ['a start script of npm', 'npm', { scripts: { start: 'run' } }, [], 'no-entry', /nothing to run/],
    ['an empty folder', 'dir', undefined, [], 'no-entry', /no package\.json, server\.js or index\.js/],
    ['nonsense', 'npm', { bin: 7, main: [], exports: 3 }, [], 'no-entry', /nothing to run/],
  ]
  for (const [what, scheme, json, files, code, message] of refused) {
    it(`refuses ${what}`, () => {
      assert.throws(
        () => choose(scheme, json, files),
        (e) => e instanceof PackageError && e.code === code && message.test(e.message),
      )
    })
  }
})
