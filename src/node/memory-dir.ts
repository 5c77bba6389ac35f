/** Where an agent keeps what must not reach a disk: the Secrets of its pods, and beside them the socket of their network. */
import { createHash } from 'node:crypto'
import { join } from 'node:path'

/** One for each data folder of the machine. */
export const memoryDirOf = (dataDir: string): string =>
  join('/dev/shm', `sampan-${createHash('sha256').update(dataDir).digest('hex').slice(0, 16)}`)

/** Not within it: that is emptied of what isn't a pod's. */
export const networkDirOf = (memoryDir: string): string => `${memoryDir}.net`
