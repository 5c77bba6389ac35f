/** `/sampan/encryption`: GET says which keys seal how many objects, POST makes a new key and brings every object under it. */
import { methodNotAllowed } from '../../api/status.ts'
import type { OwnPaths } from '../paths.ts'
import { jsonResponse } from '../respond.ts'
import type { Sealing } from './sealed-store.ts'

export const encryptionPath = '/sampan/encryption'

export const sealingPaths = (sealing: Sealing, signal: AbortSignal): OwnPaths =>
  new Map([
    [
      encryptionPath,
      async ({ method }) => {
        if (method === 'POST') {
          await sealing.rotate()
          await sealing.reseal(signal)
        } else if (method !== 'GET') throw methodNotAllowed()
        return jsonResponse(200, await sealing.status())
      },
    ],
  ])
