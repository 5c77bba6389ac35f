import type { OwnPaths } from '../apiserver/paths.ts'
import { methodNotAllowed } from '../api/status.ts'
import type { Clock } from '../base/clock.ts'
import { encodeBackup } from '../store/backup/backup-format.ts'
import { takeSnapshot } from '../store/backup/snapshot.ts'
import type { Store } from '../store/store.ts'

export const backupPath = '/sampan/backup'

/** `GET /sampan/backup`: a backup of the store as it is, Secrets encrypted as they lie there. */
export const backupPaths = (store: Store, clock: Clock): OwnPaths =>
  new Map([
    [
      backupPath,
      async ({ method }) => {
        if (method !== 'GET') throw methodNotAllowed()
        const { header, entries } = await takeSnapshot(store, clock)
        return {
          status: 200,
          headers: { 'content-type': 'application/vnd.sampan.backup' },
          body: encodeBackup(header, entries),
        }
      },
    ],
  ])
