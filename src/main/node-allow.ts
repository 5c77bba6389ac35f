/** Which machines may join without a token, and stay: `sampan identity` there, `sampan node allow` and `disallow` here. */
import { readFileSync, statSync } from 'node:fs'
import {
  allowedKeysConfigMap,
  isAllowed,
  isNodeKey,
  parseAllowedKeys,
  withoutAllowed,
} from '../api/allowed-keys.ts'
import { configMaps } from '../api/resources/configmaps.ts'
import { nodes } from '../api/resources/nodes.ts'
import type { ConfigMap, Node } from '../api/schema/types.gen.ts'
import { isAlreadyExists, isConflict, isNotFound } from '../api/status.ts'
import type { Client } from '../client/client.ts'
import { readKubeconfig } from '../client/kubeconfig.ts'
import { identityKeyAnnotation } from '../client/machine-identity.ts'
import { restClient } from '../client/rest-client.ts'
import { httpTransport } from '../client/transport-http.ts'
import { NodeKeyError, openNodeKey, publicKeyOf } from '../node/node-key.ts'
import { CommandError } from './command-error.ts'
import { createDataDir, type DataDir } from './data-dir.ts'
import { caDigestOf } from './join-token.ts'

type Print = (line: string) => void

/** `sampan identity`: the public key of this machine. Made if there is none. */
export async function printIdentity(dir: DataDir, env: NodeJS.ProcessEnv, print: Print): Promise<void> {
  createDataDir(dir)
  try {
    print(publicKeyOf(await openNodeKey(dir.node, env)))
  } catch (error) {
    throw error instanceof NodeKeyError ? new CommandError(error.message, { cause: error }) : error
  }
}

export interface AllowOptions {
  readonly dir: DataDir
  /** A key, or a file with lines of `KEY` or `KEY NAME`. */
  readonly keyOrFile: string
  /** The only name that the key is good for. */
  readonly nodeName?: string
  readonly print: Print
}

/** Others may write the list at once. */
const triesMax = 5
const entry = 'keys'

/** `sampan node allow`: adds to the list. Says how those machines join. */
export async function allowNode({ dir, keyOrFile, nodeName, print }: AllowOptions): Promise<void> {
  const lines = linesOf(keyOrFile, nodeName)
  const kubeconfig = await readKubeconfig(dir.kubeconfig)
  if (kubeconfig.ca === undefined)
    throw new CommandError(`${dir.kubeconfig} names no CA: use the data directory of a server`)
  await using transport = httpTransport(kubeconfig)
  const added = await add(restClient(transport, 'sampan-node'), lines)
  print(added === 0 ? 'on the list already' : `${added} key${added === 1 ? '' : 's'} added`)
  print(`sampan join ${kubeconfig.server} --ca-hash ${caDigestOf(kubeconfig.ca)}`)
}

export interface DisallowOptions {
  readonly dir: DataDir
  /** A key, a file as `allow` takes it, or the name of a node. */
  readonly keyOrNode: string
  readonly print: Print
}

/** `sampan node disallow`: takes off the list; machines that joined by it are out within seconds, their apps go on. */
export async function disallowNode({ dir, keyOrNode, print }: DisallowOptions): Promise<void> {
  await using transport = httpTransport(await readKubeconfig(dir.kubeconfig))
  const client = restClient(transport, 'sampan-node')
  const isKeys = isNodeKey(keyOrNode) || isFile(keyOrNode)
  const keys = isKeys
    ? parseAllowedKeys({ text: linesOf(keyOrNode, undefined).join('\n') }).map(({ key }) => key)
    : await keysOfNode(client, keyOrNode)
  const removed = await change(client, (data) => {
    const off = withoutAllowed(
      data,
      ({ key, nodeName }) => keys.includes(key) || (!isKeys && nodeName === keyOrNode),
    )
    return { data: off.data, count: off.removed }
  })
  if (removed === 0)
    throw new CommandError(
      `${JSON.stringify(keyOrNode.slice(0, 200))} is not on the list: it is the ConfigMap ${allowedKeysConfigMap.name} in ${allowedKeysConfigMap.namespace}; a machine that joined with a token stays in until its certificate ends`,
    )
  print(`${removed} key${removed === 1 ? '' : 's'} taken off`)
}

async function keysOfNode(client: Client, name: string): Promise<readonly string[]> {
  const node = await client
    .resource<Node>(nodes)
    .get(name)
    .catch((error: unknown) => {
      if (isNotFound(error)) return undefined
      throw error
    })
  const key = node?.metadata.annotations?.[identityKeyAnnotation]
  return key === undefined ? [] : [key]
}

/** A pipe is one, too; a folder may just have the name of a node. */
const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === false

/** Throws `CommandError`. */
function linesOf(keyOrFile: string, nodeName: string | undefined): readonly string[] {
  const text = !isNodeKey(keyOrFile) && isFile(keyOrFile) ? readFileSync(keyOrFile, 'utf8') : keyOrFile
  const found = parseAllowedKeys({ text })
  if (found.length === 0)
    throw new CommandError(
      `${JSON.stringify(keyOrFile.slice(0, 200))} is no public key and no file of them: \`sampan identity\` prints a machine's`,
    )
  if (nodeName !== undefined && found.length > 1)
    throw new CommandError('--as gives one key a name: write the names behind the keys of the file')
  return found.map((allowed) => {
    const name = nodeName ?? allowed.nodeName
    return name === undefined ? allowed.key : `${allowed.key} ${name}`
  })
}

/** How many of the lines were new. */
const add = (client: Client, lines: readonly string[]): Promise<number> =>
  change(client, (data) => {
    const known = parseAllowedKeys(data)
    const fresh = lines.filter((line) => {
      const [key = '', only] = line.split(' ')
      return only === undefined
        ? !known.some((allowed) => allowed.key === key && allowed.nodeName === undefined)
        : !isAllowed(known, key, only)
    })
    const before = data[entry] ?? ''
    const after = `${before}${before && !before.endsWith('\n') ? '\n' : ''}${fresh.join('\n')}\n`
    return { data: { ...data, [entry]: after }, count: fresh.length }
  })

type Data = Readonly<Record<string, string>>

/** Writes the list anew, unless nothing changes. Answers `count`. */
async function change(
  client: Client,
  edit: (data: Data) => { readonly data: Data; readonly count: number },
): Promise<number> {
  const { name, namespace } = allowedKeysConfigMap
  const api = client.resource<ConfigMap>(configMaps)
  for (let tries = 1; ; tries++) {
    const present = await api.get(name, { namespace }).catch((error: unknown) => {
      if (isNotFound(error)) return undefined
      throw error
    })
    const { count, data } = edit(present?.data ?? {})
    if (count === 0) return 0
    try {
      if (present) await api.update({ ...present, data })
      else await api.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, data })
      return count
    } catch (error) {
      if (tries >= triesMax || !(isConflict(error) || isAlreadyExists(error))) throw error
    }
  }
}
