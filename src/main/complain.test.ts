import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { test } from 'node:test'

const complain = fileURLToPath(new URL('complain.ts', import.meta.url))

function complaintOf(thrown: string) {
  const script = `import { complain } from ${JSON.stringify(complain)}; complain(${thrown})`
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
  })
  return { status, stderr }
}

const refused = 'Object.assign(new Error("connect ECONNREFUSED 127.0.0.1:1"), { code: "ECONNREFUSED" })'

for (const [what, thrown, says] of [
  [
    'no answer to a request',
    `Object.assign(new Error("GET /x got no answer from https://a: connect ECONNREFUSED 127.0.0.1:1", { cause: ${refused} }), { name: "TransportError" })`,
    /^sampan: GET \/x got no answer from https:\/\/a: connect ECONNREFUSED 127\.0\.0\.1:1\. Start Sampan there with `sampan up`/,
  ],
  ['no answer to a WebSocket', refused, /^sampan: connect ECONNREFUSED 127\.0\.0\.1:1\. Start Sampan there/],
  ['any other error with its cause', 'new Error("a", { cause: new Error("b") })', /^sampan: a: b\n$/],
] as const)
  test(`${what} is told in one line, with exit code 1`, () => {
    const { status, stderr } = complaintOf(thrown)
    assert.equal(status, 1)
    assert.match(stderr, says)
    assert.equal(stderr.split('\n').length, 2)
  })
