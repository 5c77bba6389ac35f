import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { describeError } from '../../base/logger.ts'
import { readManifest } from './manifest.ts'

/** A `dir:` image may be any folder, one that a pod writes to among them, and the agent may be root. */
describe('the package.json of a folder', () => {
  let folder = ''
  let path = ''
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sampan-manifest-'))
    path = join(folder, 'package.json')
  })
  afterEach(() => rm(folder, { recursive: true }))

  it('is not waited for where it is a pipe', { timeout: 10_000 }, async () => {
    execFileSync('mkfifo', [path])
    await assert.rejects(readManifest(folder), { code: 'no-entry', message: /no ordinary file/ })
  })

  it('is not read where it is endless', async () => {
    await writeFile(path, '{')
    await truncate(path, 2 ** 40)
    await assert.rejects(readManifest(folder), { code: 'no-entry', message: /larger than/ })
  })

  it('is not shown where it is no JSON: a link may lead to what is the agent’s alone', async () => {
    await writeFile(join(folder, 'secret'), 'root:secret-of-the-machine\n')
    await symlink(join(folder, 'secret'), path)
    await assert.rejects(readManifest(folder), (error: Error) => {
      assert.match(describeError(error), /package\.json is not JSON: Unexpected token 'r'; correct it$/)
      return true
    })
  })
})
