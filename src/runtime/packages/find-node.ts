import { join } from 'node:path'
import type { Interpreter } from './prepared.ts'
import { PackageError } from './errors.ts'
import { type Call, install } from './install.ts'
import { cachedNodes, nodeFolder } from './layout.ts'
import { chooseNodeVersion, nodePackage, nodeRange, satisfiesNode } from './node-version.ts'

/** The pod's wish, else what the package asks for, else the default; the default also when it satisfies the wish. */
export async function findNode(
  ask: { readonly wish: string | undefined; readonly engines: string | undefined; readonly title: string },
  call: Call,
): Promise<Interpreter> {
  const range = nodeRange(ask.wish) ?? enginesRange(ask, call)
  if (range === undefined || satisfiesNode(call.nodeDefault.version, range)) return call.nodeDefault
  const cached = chooseNodeVersion(await cachedNodes(call.root), range)
  if (cached !== undefined) return interpreter(nodeFolder(call.root, cached), cached)
  const name = nodePackage(process.platform, process.arch)
  if (name === undefined) {
    throw new PackageError(
      'node-unavailable',
      `${ask.title} needs Node.js ${range}, but there is none to download for ${process.platform}-${process.arch}; this machine has ${call.nodeDefault.version}`,
    )
  }
  try {
    const installed = await install(
      { kind: 'node', root: call.root, npm: call.npm, package: name, range },
      {
        name,
        version: range,
        step: 'installing-node',
        message: (exact) => `installing Node.js ${exact} for ${ask.title}`,
      },
      call,
    )
    return interpreter(installed.folder, installed.version)
  } catch (e) {
    if (!(e instanceof PackageError) || e.code !== 'version-not-found') throw e
    throw new PackageError(
      'node-unavailable',
      `${ask.title} needs Node.js ${range}, which does not exist: ${e.message}. Set the annotation sampan.dev/node-version to one that does`,
      { cause: e },
    )
  }
}

function enginesRange(
  { engines, title }: { readonly engines: string | undefined; readonly title: string },
  { logger }: Call,
): string | undefined {
  try {
    return nodeRange(engines)
  } catch (e) {
    logger.warn('engines.node is not a range; using the default Node.js', { package: title, error: e })
    return undefined
  }
}

const interpreter = (folder: string, version: string): Interpreter => ({
  path: join(folder, 'bin', 'node'),
  version,
})
