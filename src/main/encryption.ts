import type { SealingStatus } from '../apiserver/sealing/sealed-store.ts'
import { encryptionPath } from '../apiserver/sealing/sealing-path.ts'
import { adminCall, textOf } from './admin-call.ts'
import type { DataDir } from './data-dir.ts'

/** `sampan encryption status` and `rotate`: asks the running server. */
export async function encryption(
  dir: DataDir,
  what: 'status' | 'rotate',
  print: (line: string) => void,
): Promise<void> {
  const method = what === 'rotate' ? 'POST' : 'GET'
  const status = await adminCall(dir, { method, path: encryptionPath }, async (body) => {
    return JSON.parse(await textOf(body)) as SealingStatus
  })
  const [newest, ...older] = status.keys
  const inUse = older.filter(({ objects }) => objects > 0)
  if (newest) print(`${lineOf(newest)}  seals new ones`)
  for (const key of inUse) print(lineOf(key))
  const unused = older.length - inUse.length
  if (unused > 0)
    print(`${unused} older key${unused === 1 ? '' : 's'} seal${unused === 1 ? 's' : ''} nothing`)
  if (status.plain > 0) print(`${status.plain} not encrypted yet`)
  if (status.lost > 0) print(`${status.lost} sealed with a key that is not there: restore it from a backup`)
}

const lineOf = ({ id, objects }: SealingStatus['keys'][number]): string =>
  `${id}  ${objects} object${objects === 1 ? '' : 's'}`
