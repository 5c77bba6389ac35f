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
  for (const [i, { id, objects }] of status.keys.entries()) {
    print(`${id}  ${objects} object${objects === 1 ? '' : 's'}${i === 0 ? '  seals new ones' : ''}`)
  }
  if (status.plain > 0) print(`${status.plain} not encrypted yet`)
  if (status.lost > 0) print(`${status.lost} sealed with a key that is not there: restore it from a backup`)
}
