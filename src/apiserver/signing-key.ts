/** The key that signs service accounts' tokens: made at the first start, kept beside the certificates, readable by nobody else. */
import { generateKeyPair } from 'node:crypto'
import { link, mkdir, open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Random } from '../base/ids.ts'

export const signingKeyPath = (directory: string): string => join(directory, 'service-accounts.key')

/** A PEM text. Whoever has it can be any service account: never logged. */
export async function openSigningKey(directory: string, random: Random): Promise<string> {
  const path = signingKeyPath(directory)
  const present = await readSigningKey(directory)
  if (present !== undefined) return present
  const text = await createSigningKey()
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const temporary = `${path}.${random.suffix(8)}`
  const file = await open(temporary, 'wx', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  try {
    // Unlike a rename it never takes the place of a key that somebody else has just made.
    await link(temporary, path)
    return text
  } catch (error) {
    const theirs = await readSigningKey(directory)
    if (theirs === undefined) throw error
    return theirs
  } finally {
    await rm(temporary, { force: true })
  }
}

export async function createSigningKey(): Promise<string> {
  const { privateKey } = await promisify(generateKeyPair)('ec', { namedCurve: 'P-256' })
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
}

export async function readSigningKey(directory: string): Promise<string | undefined> {
  try {
    return await readFile(signingKeyPath(directory), 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}
