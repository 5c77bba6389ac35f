/**
 * What makes several servers one cluster: the certificate authority and the key that signs service accounts' tokens.
 *
 * They lie in files beside the server. Where several servers share a store they also lie in it, sealed by the server
 * token: whoever starts first puts them there, every other server opens them and keeps a copy.
 */
import type { Clock } from '../base/clock.ts'
import type { Random } from '../base/ids.ts'
import { writeSynced } from '../base/write-synced.ts'
import type { Store } from '../store/store.ts'
import { createCa, openCa, readPair, savePair, type KeyPair } from './certificates.ts'
import { openByToken, sealByToken, TokenSealError } from './sealing/token-seal.ts'
import { createSigningKey, openSigningKey, readSigningKey, signingKeyPath } from './signing-key.ts'

/** PEM texts. All but the CA's certificate are secret: never logged, files of mode 0600. */
export interface ClusterKeys {
  readonly ca: KeyPair
  readonly signingKey: string
}

export interface ClusterKeysOptions {
  /** Made if missing, mode 0700. */
  readonly directory: string
  readonly store: Store
  /** Seals the keys in a shared store: the same for all servers of a cluster, asked for only then. At least 16 characters. */
  readonly serverToken: () => string
  readonly clock: Clock
  readonly random: Random
}

/** The keys can't be had; the message says what to do. */
export class ClusterKeysError extends Error {
  override readonly name = 'ClusterKeysError'
}

export const clusterKeysKey = '/sampan/cluster-keys'

/** Throws `ClusterKeysError` for a token that does not open the store's keys, and for files of another cluster. */
export async function openClusterKeys(options: ClusterKeysOptions): Promise<ClusterKeys> {
  const { directory, store, serverToken, clock, random } = options
  if (!store.capabilities.shared) {
    const [ca, signingKey] = await Promise.all([openCa(directory, clock), openSigningKey(directory, random)])
    return { ca, signingKey }
  }
  const keys = await sharedKeys(options, serverToken())
  await keepCopy(directory, keys)
  return keys
}

/** What is in the store; else what this directory has, or what is made now, put there. */
async function sharedKeys(
  { directory, store, clock, random }: ClusterKeysOptions,
  token: string,
): Promise<ClusterKeys> {
  const { entry } = await store.get(clusterKeysKey)
  if (entry) return unseal(entry.value, token)
  const own: ClusterKeys = {
    ca: (await readPair(directory, 'ca')) ?? (await createCa(clock)),
    signingKey: (await readSigningKey(directory)) ?? (await createSigningKey()),
  }
  try {
    await store.create(clusterKeysKey, await seal(own, token, random))
    return own
  } catch (error) {
    // Another server has just been faster, or the answer to our own write was lost: what is there counts.
    const present = await store.get(clusterKeysKey)
    if (!present.entry) throw error
    return unseal(present.entry.value, token)
  }
}

/** In files too, so that the cluster stays the same one when its store moves into this directory. */
async function keepCopy(directory: string, { ca, signingKey }: ClusterKeys): Promise<void> {
  const present = await readPair(directory, 'ca')
  if (present && present.cert !== ca.cert) {
    throw new ClusterKeysError(
      `${directory} holds the keys of another cluster than the store does: start this server with an empty --data-dir, or with the store that belongs to it`,
    )
  }
  if (!present) await savePair(directory, 'ca', ca)
  if ((await readSigningKey(directory)) !== signingKey)
    await writeSynced(signingKeyPath(directory), signingKey)
}

async function seal(keys: ClusterKeys, token: string, random: Random): Promise<Uint8Array> {
  return sealByToken(JSON.stringify(keys), { token, random, associated: clusterKeysKey })
}

async function unseal(value: Uint8Array, token: string): Promise<ClusterKeys> {
  try {
    return JSON.parse(await openByToken(value, { token, associated: clusterKeysKey })) as ClusterKeys
  } catch (error) {
    throw error instanceof TokenSealError ? new ClusterKeysError(error.message, { cause: error }) : error
  }
}
