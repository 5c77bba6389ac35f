import assert from 'node:assert/strict'
import { test } from 'node:test'
import { routingPath } from './request-path.ts'
import type { PathType, Route } from './route-data.ts'
import { buildRouteTable } from './routes.ts'

const route = (host: string, path: string, pathType: PathType = 'Prefix'): Route => ({
  host,
  path,
  pathType,
  backend: `${host}${path}${pathType === 'Exact' ? '!' : ''}`,
})

interface Row {
  name: string
  routes: Route[]
  /** host, path, expected backend */
  asks: [string, string, string | undefined][]
}

const rows: Row[] = [
  {
    name: 'a prefix matches whole segments only',
    routes: [route('', '/apps/1')],
    asks: [
      ['a', '/apps/1', '/apps/1'],
      ['a', '/apps/1/', '/apps/1'],
      ['a', '/apps/1/x/y', '/apps/1'],
      ['a', '/apps/10', undefined],
      ['a', '/apps', undefined],
      ['a', '/', undefined],
    ],
  },
  {
    name: 'a trailing slash of a prefix does not count',
    routes: [route('', '/aaa/bbb/')],
    asks: [
      ['a', '/aaa/bbb', '/aaa/bbb/'],
      ['a', '/aaa/bbb/ccc', '/aaa/bbb/'],
      ['a', '/aaa/bbbxyz', undefined],
    ],
  },
  {
    name: 'an exact path is exact to the slash and beats a prefix',
    routes: [route('', '/foo'), route('', '/foo', 'Exact'), route('', '/bar/', 'Exact')],
    asks: [
      ['a', '/foo', '/foo!'],
      ['a', '/foo/', '/foo'],
      ['a', '/bar', undefined],
      ['a', '/bar/', '/bar/!'],
    ],
  },
  {
    name: 'the longest prefix wins',
    routes: [route('', '/'), route('', '/aaa'), route('', '/aaa/bbb')],
    asks: [
      ['a', '/aaa/ccc', '/aaa'],
      ['a', '/aaa/bbb', '/aaa/bbb'],
      ['a', '/aaa/bbb/c', '/aaa/bbb'],
      ['a', '/ccc', '/'],
      ['a', '//aaa', '/'],
    ],
  },
  {
    name: 'an exact host beats a wildcard beats no host, and a host without the path falls through',
    routes: [route('foo.com', '/a'), route('*.foo.com', '/'), route('x.foo.com', '/a'), route('', '/')],
    asks: [
      ['x.foo.com', '/a', 'x.foo.com/a'],
      ['x.foo.com', '/b', '*.foo.com/'],
      ['y.foo.com', '/a', '*.foo.com/'],
      ['z.y.foo.com', '/a', '/'],
      ['foo.com', '/a', 'foo.com/a'],
      ['foo.com', '/b', '/'],
      ['', '/', '/'],
    ],
  },
  {
    name: 'of two equal routes the first wins',
    routes: [
      { ...route('', '/a'), backend: 'first' },
      { ...route('', '/a'), backend: 'second' },
    ],
    asks: [['a', '/a', 'first']],
  },
  {
    name: 'escapes of unreserved characters are the characters',
    routes: [route('', '/'), route('', '/private'), route('', '/a%2Fb')],
    asks: [
      ['a', '/%70rivate', '/private'],
      ['a', '/a%2fb', '/'],
      ['a', '/a%2Fb', '/a%2Fb'],
    ],
  },
]

for (const row of rows)
  test(row.name, () => {
    const table = buildRouteTable(row.routes, (each) => each.backend)
    for (const [host, path, backend] of row.asks)
      assert.equal(table.match(host, routingPath(path) ?? 'refused'), backend, `${host} ${path}`)
  })

test('the default backend takes what no route matches', () => {
  const table = buildRouteTable([route('', '/a')], (each) => each.backend, 'default')
  assert.equal(table.match('a', '/b'), 'default')
})

test('a path of thousands of segments is cut no deeper than the deepest route', () => {
  const table = buildRouteTable([route('', '/a/b')], (each) => each.backend)
  assert.equal(table.match('h', `/a/b${'/x'.repeat(4000)}`), '/a/b')
  assert.equal(table.match('h', '/x'.repeat(4000)), undefined)
})

const refusedPaths = [
  '/a/../b',
  '/..',
  '/.',
  '/a/.',
  '/a/./b',
  '/%2e%2e/b',
  '/a/%2E./b',
  '/a%2f..%2fb',
  '/a/..%2fb',
  '/a\\..\\b',
  '/a%5c..%5cb',
  '/a/..;x=1/b',
  '/a/..%3bx/b',
  '/%',
  '/%zz',
  '/%2',
  '/a%00b',
]
for (const path of refusedPaths)
  test(`the path ${path} is refused`, () => {
    assert.equal(routingPath(path), undefined)
  })

const acceptedPaths = [
  '/',
  '/a',
  '/.well-known/x',
  '/a/...',
  '/a..b',
  '/a/..b',
  '/%20',
  '/a%252e%252e/b',
  '/~a;b=1',
  '/a\\b',
]
for (const path of acceptedPaths)
  test(`the path ${path} is accepted`, () => {
    assert.notEqual(routingPath(path), undefined)
  })
