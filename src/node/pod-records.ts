/**
 * What the agent remembers of its pods, on disk: enough to adopt them after a crash at any instruction, and to keep
 * them running while no API server answers.
 *
 *   ROOT/pods/UID/pod.json                       the desired pod last seen, its address index, its start time
 *   ROOT/pods/UID/containers/NAME/record.json    attempts: intent, handle, exit
 *   ROOT/pods/UID/containers/NAME/N/             attempt N: the runtime's state
 *   ROOT/pods/UID/raw/NAME/N/                    attempt N: stdout, stderr, and how far they are read
 *   ROOT/pods/UID/log/NAME/                      CRI log segments
 *   ROOT/pods/UID/volumes/NAME/, home/           what the pod itself writes
 *   ROOT/pods/UID/tmp/NAME/N/                    attempt N in a sandbox: its /tmp
 *   ROOT/pods/UID/etc/NAME/                      a container in a sandbox: its passwd and group
 *   ROOT/set-aside/UID/                          what was in the place of a pod, with a record that no agent wrote
 *
 * No secret is in any of it: `pod.json` holds references, environments aren't stored.
 */
import { mkdirSync } from 'node:fs'
import { mkdir, readFile, readdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from '../base/logger.ts'
import type { Handle } from '../runtime/runtime.ts'
import type { Pod } from '../api/schema/types.gen.ts'
import { removeTree } from './remove-tree.ts'
import type { RestartBackoff } from './restart-backoff.ts'
import { isErrno, writeFileAtomic } from './write-file.ts'

export interface PodRecord {
  readonly pod: Pod
  /** Offset of its address in the node's range and in the loopback block. */
  readonly index: number
  /** RFC 3339: when the agent first saw it. */
  readonly startTime: string
  /** The agent ended it; it never starts again. */
  readonly ended?: PodEnd
  /** The API server has said that the pod is no more. */
  readonly isGone?: true
}

export interface PodEnd {
  readonly reason: string
  readonly message: string
  /** In place of the pod's own. */
  readonly graceSeconds?: number
  /** It was none of the pod's doing: the node needed what it had. */
  readonly isDisruption?: true
}

export interface AttemptExit {
  readonly code: number
  readonly signal: number
  readonly reason: string
  readonly finishedAt: string
  /** The last lines of its output. */
  readonly message?: string
}

export interface AttemptRecord {
  /** Counts up for ever: the number of a failed start is not used again. */
  readonly attempt: number
  readonly id: string
  /** When it was decided to start it. */
  readonly startedAt: string
  /** Absent between the intent and the start's answer. */
  readonly handle?: Handle
  readonly exit?: AttemptExit
}

export interface ContainerRecord {
  /** The highest attempt number ever used. */
  readonly attempts: number
  readonly restartCount: number
  readonly imageID?: string
  /** Paths in the package cache that it runs from. Absent: an earlier agent has started it. */
  readonly packages?: readonly string[]
  readonly current?: AttemptRecord
  readonly previous?: AttemptRecord
  readonly backoff?: RestartBackoff
}

export const emptyContainer: ContainerRecord = { attempts: 0, restartCount: 0 }

export interface PodPaths {
  readonly root: string
  readonly home: string
  readonly volumes: string
  readonly temporary: string
  container(name: string): string
  attempt(name: string, attempt: number): string
  readonly logs: string
  raw(name: string, attempt: number): string
  log(name: string): string
}

export function podPaths(dataDir: string, uid: string): PodPaths {
  const root = join(dataDir, 'pods', uid)
  return {
    root,
    home: join(root, 'home'),
    volumes: join(root, 'volumes'),
    temporary: join(root, 'tmp'),
    container: (name) => join(root, 'containers', name),
    attempt: (name, attempt) => join(root, 'containers', name, String(attempt)),
    raw: (name, attempt) => join(root, 'raw', name, String(attempt)),
    logs: join(root, 'log'),
    log: (name) => join(root, 'log', name),
  }
}

/** Both names go into file paths: what isn't a plain name is refused, whatever an API server says. */
export const isSafeName = (name: string | undefined): name is string =>
  name !== undefined && /^[a-zA-Z0-9][a-zA-Z0-9._-]{0,252}$/.test(name)

export async function writePodRecord(paths: PodPaths, record: PodRecord): Promise<void> {
  const { managedFields: _managedFields, ...metadata } = record.pod.metadata
  mkdirSync(paths.root, { recursive: true, mode: 0o711 })
  await writeFileAtomic(
    join(paths.root, 'pod.json'),
    JSON.stringify({ ...record, pod: { ...record.pod, metadata } }),
  )
}

export async function writeContainerRecord(
  paths: PodPaths,
  name: string,
  record: ContainerRecord,
): Promise<void> {
  mkdirSync(paths.container(name), { recursive: true, mode: 0o711 })
  await writeFileAtomic(join(paths.container(name), 'record.json'), JSON.stringify(record))
}

export async function readContainerRecord(paths: PodPaths, name: string): Promise<ContainerRecord> {
  return (await readJson<ContainerRecord>(join(paths.container(name), 'record.json'))) ?? emptyContainer
}

export interface FoundPods {
  readonly records: readonly PodRecord[]
  /** Folders of pods that were being made or being removed, or that a power loss met: without a whole record. */
  readonly unfinished: readonly string[]
  /** Folders with a record that is none of ours. */
  readonly strange: readonly string[]
}

export async function readPodRecords(dataDir: string): Promise<FoundPods> {
  const folder = join(dataDir, 'pods')
  await mkdir(folder, { recursive: true, mode: 0o711 })
  const records: PodRecord[] = []
  const unfinished: string[] = []
  const strange: string[] = []
  for (const uid of await readdir(folder)) {
    const record = await readJson<unknown>(join(folder, uid, 'pod.json'))
    if (record === undefined) unfinished.push(uid)
    else if (isRecordOf(uid, record)) records.push(record)
    else strange.push(uid)
  }
  return { records, unfinished, strange }
}

/** As far as an agent would fall over what is missing. */
function isRecordOf(uid: string, found: unknown): found is PodRecord {
  const { index, pod, startTime } = (found ?? {}) as Partial<PodRecord>
  const isWhole =
    Number.isInteger(index) && typeof startTime === 'string' && Array.isArray(pod?.spec?.containers)
  return isWhole && typeof pod?.metadata?.name === 'string' && pod.metadata.uid === uid
}

/** More than these can only be the doing of one fault, which they all show. */
const setAsideMax = 16

/** When nothing runs any more in folders without a record of ours. */
export async function clearFolders(
  dataDir: string,
  { strange, unfinished }: Pick<FoundPods, 'strange' | 'unfinished'>,
  logger: Logger,
): Promise<void> {
  const [pods, aside] = [join(dataDir, 'pods'), join(dataDir, 'set-aside')]
  for (const uid of unfinished) {
    logger.info('an unfinished pod folder is removed', { uid })
    await removeTree(join(pods, uid))
  }
  if (strange.length > 0) await mkdir(aside, { recursive: true, mode: 0o700 })
  for (const uid of strange) {
    const place = join(aside, uid)
    await removeTree(place)
    if ((await readdir(aside)).length < setAsideMax) await rename(join(pods, uid), place)
    else await removeTree(join(pods, uid))
    logger.error(
      `the record of a pod is not one that an agent wrote: its folder is set aside, if there is room for it; look at its pod.json, then delete it. If the pod is still to run here, it starts anew`,
      { uid, folder: place },
    )
  }
}

/** Undefined when there is no such file, or when it was cut short by a power loss. */
export async function readJson<T>(path: string): Promise<T | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as T
  } catch (error) {
    if (isErrno(error, 'ENOENT') || isErrno(error, 'ENOTDIR') || error instanceof SyntaxError)
      return undefined
    throw error
  }
}
