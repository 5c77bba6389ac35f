import { existsSync } from 'node:fs'
import { join } from 'node:path'

/** Never by the PATH of a workload: its own folders come first there. */
const programFolders = ['/usr/bin', '/bin', '/usr/sbin', '/sbin', '/usr/local/bin', '/usr/local/sbin']

/** PATH for shells of ours. */
export const systemPath = programFolders.join(':')

/** Absolute path of a program of the system. */
export const findProgram = (name: string): string | undefined =>
  programFolders.map((folder) => join(folder, name)).find((path) => existsSync(path))
