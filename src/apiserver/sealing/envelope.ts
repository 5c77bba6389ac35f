/**
 * A value as it lies sealed in the store: AES-256-GCM under one of the cluster's keys.
 *
 *     magic (6) | length of the key's id (1) | key id | nonce (12) | ciphertext | tag (16)
 *
 * Everything before the ciphertext and the store's key are authenticated along: a sealed value that is moved to another
 * object, or given another key's id, does not open. Nonces are random; that is sound for some four billion values under one key.
 */
import { createCipheriv, createDecipheriv, type KeyObject } from 'node:crypto'
import type { Random } from '../../base/ids.ts'
import { StoreError } from '../../store/store.ts'

export interface SealingKey {
  /** 1 to 64 characters of ASCII; names the key in messages and in what it sealed. Not secret. */
  readonly id: string
  /** 256 bits. */
  readonly key: KeyObject
}

const cipher = 'aes-256-gcm'
const magic = Buffer.from('\0SEAL1', 'latin1') // no JSON and no protobuf begins like this
const nonceBytes = 12
const tagBytes = 16

export const isSealed = (value: Uint8Array): boolean =>
  value.length > magic.length && magic.equals(value.subarray(0, magic.length))

export function seal(
  { id, key }: SealingKey,
  storeKey: string,
  plain: Uint8Array,
  random: Pick<Random, 'token'>,
): Uint8Array {
  const head = Buffer.concat([
    magic,
    Buffer.from([id.length]),
    Buffer.from(id, 'latin1'),
    Buffer.from(random.token(nonceBytes), 'base64url'),
  ])
  const encrypting = createCipheriv(cipher, key, head.subarray(-nonceBytes)).setAAD(boundTo(head, storeKey))
  const data = [encrypting.update(plain), encrypting.final()]
  return Buffer.concat([head, ...data, encrypting.getAuthTag()])
}

/** Only for what `isSealed`. */
export const keyIdOf = (value: Uint8Array): string =>
  Buffer.from(value.subarray(magic.length + 1, magic.length + 1 + (value[magic.length] ?? 0))).toString(
    'latin1',
  )

/** Throws `sealed` for what was changed, or sealed for another object. */
export function unseal({ id, key }: SealingKey, storeKey: string, value: Uint8Array): Uint8Array {
  const headEnd = magic.length + 1 + id.length + nonceBytes
  const head = value.subarray(0, headEnd)
  try {
    const decrypting = createDecipheriv(cipher, key, head.subarray(-nonceBytes), { authTagLength: tagBytes })
      .setAAD(boundTo(head, storeKey))
      .setAuthTag(value.subarray(-tagBytes))
    return Buffer.concat([decrypting.update(value.subarray(headEnd, -tagBytes)), decrypting.final()])
  } catch (cause) {
    throw new StoreError(
      'sealed',
      `"${storeKey}" does not open with the key ${id} that it names: it was changed, or put here from another object. Restore it from a backup.`,
      { key: storeKey, cause },
    )
  }
}

const boundTo = (head: Uint8Array, storeKey: string): Buffer => Buffer.concat([head, Buffer.from(storeKey)])
