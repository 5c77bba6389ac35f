/** Where a `put` is killed, what it has written so far may stay under its name with this suffix. */
export const unfinishedSuffix = '.unfinished'

/** A folder, on this machine or in an object store, with backups in it. */
export interface BackupPlace {
  /** Whole under its name when it resolves, for its owner alone; nothing is there when it rejects. */
  put(name: string, content: AsyncIterable<Uint8Array>): Promise<void>
  get(name: string): AsyncIterable<Uint8Array>
  /** Names, sorted. */
  list(): Promise<readonly string[]>
  remove(name: string): Promise<void>
  /** For messages. */
  describe(name: string): string
}
