/**
 * Who this machine is: an Ed25519 key, made at the first join and kept beside the node's other records. With a name and a
 * password of Node Unit's (`NODE_UNIT_NAME`, `NODE_UNIT_PASSWORD`) the key follows from these instead, and stays the same
 * where the disk does not: in a DaemonSet, after a reinstall.
 */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  scrypt,
  type BinaryLike,
  type KeyObject,
} from 'node:crypto'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { writeSynced } from '../base/write-synced.ts'

/** 128 MiB and about half a second for each guess of the password. */
const cost = { N: 131_072, r: 8, p: 1, maxmem: 256 * 1024 * 1024 }
const derive = promisify<BinaryLike, BinaryLike, number, typeof cost, Buffer>(scrypt)
/** PKCS #8 of an Ed25519 key up to its 32 bytes of seed (RFC 8410 section 7). */
const pkcs8Head = Buffer.from('302e020100300506032b657004220420', 'hex')
const passwordLengthMin = 12

export class NodeKeyError extends Error {
  override readonly name = 'NodeKeyError'
}

/** The private key. Throws `NodeKeyError` for a password without a name, or one that is guessed too easily. */
export async function openNodeKey(dataDir: string, env: NodeJS.ProcessEnv): Promise<KeyObject> {
  const { NODE_UNIT_NAME: name = '', NODE_UNIT_PASSWORD: password = '' } = env
  if (password !== '') return derivedKey(name, password)
  const path = join(dataDir, 'identity.key')
  const present = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (present !== undefined) return createPrivateKey(present)
  const { privateKey } = generateKeyPairSync('ed25519')
  // On disk before it is used: the cluster gives the node's name to this key only.
  await mkdir(dataDir, { recursive: true, mode: 0o711 })
  await writeSynced(path, privateKey.export({ type: 'pkcs8', format: 'pem' }).toString())
  return privateKey
}

async function derivedKey(name: string, password: string): Promise<KeyObject> {
  if (name === '')
    throw new NodeKeyError('NODE_UNIT_PASSWORD is set and NODE_UNIT_NAME is not: set both or none')
  if (password.length < passwordLengthMin)
    throw new NodeKeyError(
      `NODE_UNIT_PASSWORD has fewer than ${passwordLengthMin} characters: whoever guesses it is this node`,
    )
  const seed = await derive(password.normalize('NFKC'), `sampan node ${name}`, 32, cost)
  return createPrivateKey({ key: Buffer.concat([pkcs8Head, seed]), format: 'der', type: 'pkcs8' })
}

/** Base64 of the DER public key, as Nodes are annotated with it. */
export const publicKeyOf = (key: KeyObject): string =>
  createPublicKey(key).export({ type: 'spki', format: 'der' }).toString('base64')
