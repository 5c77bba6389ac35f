import { secrets } from '../api/resources/secrets.ts'
import { resourcePrefix } from '../apiserver/keys.ts'
import type { OwnPaths } from '../apiserver/paths.ts'
import { fileKeys, storedKeys } from '../apiserver/sealing/keyring.ts'
import { openSealedStore, type SealedStore } from '../apiserver/sealing/sealed-store.ts'
import { sealingPaths } from '../apiserver/sealing/sealing-path.ts'
import { realClock } from '../base/clock.ts'
import { realRandom } from '../base/ids.ts'
import type { Logger } from '../base/logger.ts'
import { isStoreError, type Store } from '../store/store.ts'
import { CommandError } from './command-error.ts'
import type { DataDir } from './data-dir.ts'

const sealedPrefixes = [resourcePrefix({ group: secrets.group, plural: secrets.plural })]

export interface SealedSecretsOptions {
  /** Not owned. */
  readonly store: Store
  readonly dir: DataDir
  /** The server token: where servers share a store, they share its keys by it. */
  readonly token: () => string
  readonly logger: Logger
}

export interface SealedSecrets extends AsyncDisposable {
  /** The same store, with Secrets encrypted. */
  readonly store: Store
  readonly paths: OwnPaths
}

/** Begins to bring along what an earlier Sampan wrote plainly, and what a rotation that was cut off left. */
export async function openSealedSecrets(options: SealedSecretsOptions): Promise<SealedSecrets> {
  const store = await openSealing(options)
  const ending = new AbortController()
  const resealing = store.sealing.reseal(ending.signal).then(
    ({ resealed }) => {
      if (resealed > 0)
        options.logger.info('Secrets were encrypted with the present key', { objects: resealed })
    },
    (error: unknown) =>
      options.logger.warn('not all Secrets could be encrypted; the next start tries again', { error }),
  )
  return {
    store,
    paths: sealingPaths(store.sealing, ending.signal),
    async [Symbol.asyncDispose]() {
      ending.abort()
      await resealing
    },
  }
}

async function openSealing({ store, dir, token }: SealedSecretsOptions): Promise<SealedStore> {
  const own = fileKeys(dir.pki)
  const provider = store.capabilities.shared
    ? storedKeys({ store, token, copy: own, random: realRandom })
    : own
  const options = { store, prefixes: sealedPrefixes, provider, clock: realClock, random: realRandom }
  try {
    return await openSealedStore(options)
  } catch (error) {
    if (isStoreError(error)) throw error
    throw new CommandError(`the encryption keys can't be read: ${(error as Error).message}`, { cause: error })
  }
}
