/** `tests/testdata/defaulting/NAME.in.yaml` is what a client creates, `NAME.out.yaml` what is stored. UPDATE=1 rewrites. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { parse, stringify } from 'yaml'
import { apiVersionOf, type KubeObject } from '../meta.ts'
import { decode } from '../schema/decode.ts'
import { resources } from '../table.ts'

const folder = new URL('../../../tests/testdata/defaulting/', import.meta.url)

for (const file of readdirSync(folder).filter((name) => name.endsWith('.in.yaml'))) {
  test(`${file} is stored as its .out.yaml says`, () => {
    const given = parse(readFileSync(new URL(file, folder), 'utf8')) as KubeObject
    const def = resources.find(
      ({ group, kind, version }) => kind === given.kind && apiVersionOf(group, version) === given.apiVersion,
    )
    assert.ok(def, `no resource of kind ${given.kind} in ${given.apiVersion}`)
    const decoded = decode(given, def.schema, { unknown: 'collect' })
    assert.deepEqual([...decoded.unknown, ...decoded.errors], [])
    const object = structuredClone(decoded.object) as unknown as KubeObject
    def.applyDefaults?.(object)
    def.prepareForCreate?.(object, { nowIso: '2026-01-02T03:04:05Z', uuid: () => 'uid' })
    const out = new URL(file.replace('.in.', '.out.'), folder)
    if (process.env['UPDATE'] === '1') writeFileSync(out, stringify(object))
    assert.deepEqual(object, parse(readFileSync(out, 'utf8')))
  })
}
