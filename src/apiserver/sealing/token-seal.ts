/** Texts that lie in a shared store and that only the servers of the cluster can read: they have the server token. */
import { createCipheriv, createDecipheriv, scrypt, type BinaryLike } from 'node:crypto'
import { promisify } from 'node:util'
import type { Random } from '../../base/ids.ts'

/** The message says what to do. */
export class TokenSealError extends Error {
  override readonly name = 'TokenSealError'
}

export interface TokenSeal {
  readonly token: string
  /** Where the text lies: what was sealed for one place does not open in another. */
  readonly associated: string
}

/** In JSON. Binary fields are base64. */
interface Sealed {
  readonly format: 1
  readonly salt: string
  readonly nonce: string
  readonly tag: string
  readonly data: string
}

const cipher = 'aes-256-gcm'
/** Whole: a shorter one, which Node.js would take too, is easier to guess. */
const tagBytes = 16
/** 32 MiB and some 50 ms for each try of somebody who has the store and not the token. */
const cost = { N: 32_768, r: 8, p: 1, maxmem: 64 * 1024 * 1024 }
const derive = promisify<BinaryLike, BinaryLike, number, typeof cost, Buffer>(scrypt)

export async function sealByToken(
  plain: string,
  { token, associated, random }: TokenSeal & { readonly random: Random },
): Promise<Uint8Array> {
  const salt = Buffer.from(random.token(16), 'base64url')
  const nonce = Buffer.from(random.token(12), 'base64url')
  const key = await derive(token, salt, 32, cost)
  const encrypting = createCipheriv(cipher, key, nonce).setAAD(Buffer.from(associated))
  const data = Buffer.concat([encrypting.update(plain, 'utf8'), encrypting.final()])
  const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64')
  const sealed: Sealed = {
    format: 1,
    salt: text(salt),
    nonce: text(nonce),
    tag: text(encrypting.getAuthTag()),
    data: text(data),
  }
  return Buffer.from(JSON.stringify(sealed))
}

/** Throws `TokenSealError` for another token, and for a later format. */
export async function openByToken(value: Uint8Array, { token, associated }: TokenSeal): Promise<string> {
  const { format, salt, nonce, tag, data } = JSON.parse(Buffer.from(value).toString('utf8')) as Sealed
  if (format !== 1)
    throw new TokenSealError(
      `the keys in the store have the format ${String(format)}, which a later Sampan wrote: start that one`,
    )
  const bytes = (text: string) => Buffer.from(text, 'base64')
  const key = await derive(token, bytes(salt), 32, cost)
  try {
    const decrypting = createDecipheriv(cipher, key, bytes(nonce), { authTagLength: tagBytes })
      .setAAD(Buffer.from(associated))
      .setAuthTag(bytes(tag))
    return Buffer.concat([decrypting.update(bytes(data)), decrypting.final()]).toString('utf8')
  } catch (cause) {
    throw new TokenSealError(
      "this server's token does not open the keys in the store: give it the token of the cluster's first server (credentials/server.token in its data directory) with --server-token-file",
      { cause },
    )
  }
}
