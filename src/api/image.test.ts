import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ImageError, parseImage } from './image.ts'

const hex = 'a'.repeat(64)

describe('parseImage', () => {
  const good: [string, object][] = [
    ['npm:json-server@0.17.4', { scheme: 'npm', name: 'json-server', version: '0.17.4' }],
    ['npm:json-server:0.17.4', { scheme: 'npm', name: 'json-server', version: '0.17.4' }],
    ['npm:node-red', { scheme: 'npm', name: 'node-red', version: 'latest' }],
    ['npm:node-red@next', { scheme: 'npm', name: 'node-red', version: 'next' }],
    ['npm:@scope/name@1', { scheme: 'npm', name: '@scope/name', version: '1' }],
    ['npm:@scope/name:^1.2', { scheme: 'npm', name: '@scope/name', version: '^1.2' }],
    ['npm:@scope/name', { scheme: 'npm', name: '@scope/name', version: 'latest' }],
    ['npm:peer@>=1 <2 || 3.x', { scheme: 'npm', name: 'peer', version: '>=1 <2 || 3.x' }],
    ['npm:JSONStream@1.0.0-rc.1+build', { scheme: 'npm', name: 'JSONStream', version: '1.0.0-rc.1+build' }],
    ['npm/json-server:0.17.4', { scheme: 'npm', name: 'json-server', version: '0.17.4' }],
    ['npm/json-server', { scheme: 'npm', name: 'json-server', version: 'latest' }],
    ['npm/scope/name:1', { scheme: 'npm', name: '@scope/name', version: '1' }],
    ['example.test/npm/name:1', { scheme: 'oci', reference: 'example.test/npm/name:1' }],
    ['dir:/srv/app', { scheme: 'dir', path: '/srv/app' }],
    ['dir:/srv//my app/', { scheme: 'dir', path: '/srv/my app' }],
    ['dir:/', { scheme: 'dir', path: '/' }],
    [
      `release:team-a/shop@sha256:${hex}`,
      { scheme: 'release', namespace: 'team-a', app: 'shop', digest: `sha256:${hex}` },
    ],
    [`elf:sha256:${hex}`, { scheme: 'elf', digest: `sha256:${hex}` }],
    [`wasm:sha256:${hex}`, { scheme: 'wasm', digest: `sha256:${hex}` }],
    ['nginx', { scheme: 'oci', reference: 'nginx' }],
    ['nginx:1.27-alpine', { scheme: 'oci', reference: 'nginx:1.27-alpine' }],
    ['localhost:5000/a/b_c:v1', { scheme: 'oci', reference: 'localhost:5000/a/b_c:v1' }],
    [
      `example.test/team/app@sha256:${hex}`,
      { scheme: 'oci', reference: `example.test/team/app@sha256:${hex}` },
    ],
  ]
  for (const [text, expected] of good) {
    it(`reads ${text}`, () => assert.deepEqual(parseImage(text), expected))
  }

  const bad: [string, RegExp][] = [
    ['', /empty/],
    ['npm:', /not an npm package name/],
    ['npm:@scope', /not an npm package name/],
    ['npm:../x@1', /not an npm package name/],
    ['npm:a b@1', /not an npm package name/],
    ['npm:x@', /version after the name is empty/],
    ['npm:x:', /version after the name is empty/],
    ['npm:x@1:2', /not a version, range or tag/],
    ['npm:x@https://example.test/x.tgz', /not a version, range or tag/],
    ['npm:x@file:../y', /not a version, range or tag/],
    ['npm/a/b/c', /not an npm package name/],
    ['npm/x@sha256:12', /not a version, range or tag/],
    ['dir:srv/app', /absolute/],
    ['dir:', /absolute/],
    ['dir:/srv/../etc', /"\.\."/],
    ['release:a/b', /release:NAMESPACE\/APP/],
    ['release:a/b@sha256:12', /not a digest/],
    ['elf:sha256:XYZ', /not a digest/],
    ['Nginx', /neither an OCI reference/],
    ['https://example.test/x', /neither an OCI reference/],
    ['x'.repeat(2000), /at most 1024/],
  ]
  for (const [text, message] of bad) {
    it(`refuses ${text.slice(0, 40) || '(empty)'}`, () => {
      assert.throws(
        () => parseImage(text),
        (e) => e instanceof ImageError && message.test(e.message),
      )
    })
  }
})
