/** Whether packages can be fetched from here, found out by asking for one as an install would. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describeError } from '../../base/logger.ts'
import type { NpmConfig } from './npm-config.ts'

/** Its versions are the interpreters that pods ask for. */
const wanted = 'node@24'
const timeoutMs = 8_000

export interface RegistryReach {
  readonly registry: string
  /** Undefined: it answers. */
  readonly problem: string | undefined
}

export async function tryRegistry(npm: NpmConfig): Promise<RegistryReach> {
  const { registry: configured } = npm
  const registry = typeof configured === 'string' ? configured : 'https://registry.npmjs.org/'
  const cache = await mkdtemp(join(tmpdir(), 'sampan-registry-'))
  try {
    const { default: pacote } = await import('pacote')
    await pacote.manifest(wanted, { ...npm, cache, fetchRetries: 0, timeout: timeoutMs })
    return { registry, problem: undefined }
  } catch (error) {
    return { registry, problem: describeError(error) }
  } finally {
    await rm(cache, { recursive: true, force: true })
  }
}
