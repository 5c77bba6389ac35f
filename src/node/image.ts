/** Makes a container's image runnable, and says in Kubernetes' words what stands in the way. */
import { ImageError, parseImage, type Image } from '../api/image.ts'
import type { Container, Pod } from '../api/schema/types.gen.ts'
import type { PackageCache } from '../runtime/packages/cache.ts'
import { PackageError } from '../runtime/packages/errors.ts'
import type { PackageSource, Prepared, Progress } from '../runtime/packages/prepared.ts'

export const nodeVersionAnnotation = 'sampan.dev/node-version'

/**
 * `name`: it names no image, so that trying again is pointless. `never`: it isn't here, and the policy forbids to fetch it.
 * `untrusted`: this node won't run it.
 */
export type PullFault = 'pull' | 'name' | 'never' | 'untrusted'

/** The image can't be had. */
export class ImagePullError extends Error {
  override readonly name = 'ImagePullError'
  readonly fault: PullFault
  constructor(message: string, { fault, cause }: { readonly fault: PullFault; readonly cause?: unknown }) {
    super(message, { cause })
    this.fault = fault
  }
}

export interface PreparedImage {
  readonly prepared: Prepared
  readonly imageID: string
}

export interface ImageRequest {
  readonly pod: Pod
  readonly container: Container
  /**
   * The image this container ran before. A restart stays on that version, whatever tag or range the image names: it
   * must not depend on the registry, and replicas must not drift apart one by one.
   */
  readonly imageID?: string
  readonly signal: AbortSignal
  readonly onProgress?: (progress: Progress) => void
}

export async function prepareImage(packages: PackageCache, request: ImageRequest): Promise<PreparedImage> {
  const { pod, container, imageID, signal, onProgress } = request
  const source = pinned(sourceOf(container.image ?? ''), imageID)
  const nodeVersion = pod.metadata.annotations?.[nodeVersionAnnotation]
  try {
    const isCachedOnly = container.imagePullPolicy === 'Never'
    const options = { isCachedOnly, ...(nodeVersion && { nodeVersion }) }
    const prepared = await packages.ensure(source, options, signal, onProgress)
    const found = imageIdOf(source, prepared)
    checkPinned(found, imageID)
    return { prepared, imageID: found }
  } catch (error) {
    if (signal.aborted || !(error instanceof Error) || error instanceof ImagePullError) throw error
    const code = error instanceof PackageError ? error.code : undefined
    if (code === 'not-cached') {
      const message = `Container image "${container.image}" is not present with pull policy of Never`
      throw new ImagePullError(message, { fault: 'never', cause: error })
    }
    throw new ImagePullError(error.message, {
      fault: code === 'untrusted' ? 'untrusted' : 'pull',
      cause: error,
    })
  }
}

/** A version's content never changes: where it has, somebody has tampered with the registry or the cache. */
function checkPinned(found: string, before: string | undefined): void {
  const [image, integrity] = found.split('#')
  const [imageBefore, integrityBefore] = (before ?? '').split('#')
  if (image !== imageBefore || !integrity || !integrityBefore || integrity === integrityBefore) return
  throw new ImagePullError(
    `${image} is not what this container ran before: its integrity was ${integrityBefore} and is ${integrity} now; the registry's copy was replaced. Delete the pod to accept the new one`,
    { fault: 'untrusted' },
  )
}

function sourceOf(text: string): PackageSource {
  const image = parsed(text)
  if (image.scheme === 'npm' || image.scheme === 'dir') return image
  throw new ImagePullError(
    `the process runtime of this node can't run ${image.scheme} images: use npm:NAME@VERSION or dir:/PATH`,
    { fault: 'pull' },
  )
}

function parsed(text: string): Image {
  try {
    return parseImage(text)
  } catch (cause) {
    if (cause instanceof ImageError) throw new ImagePullError(cause.message, { fault: 'name', cause })
    throw cause
  }
}

function pinned(source: PackageSource, imageID: string | undefined): PackageSource {
  if (source.scheme !== 'npm' || !imageID) return source
  const before = imageID.split('#')[0] ?? ''
  const prefix = `npm:${source.name}@`
  return before.startsWith(prefix) ? { ...source, version: before.slice(prefix.length) } : source
}

/** `npm:NAME@VERSION#INTEGRITY`, or the folder. */
const imageIdOf = (source: PackageSource, { name, version, integrity }: Prepared): string =>
  source.scheme === 'dir' ? `dir:${source.path}` : `npm:${name}@${version}${integrity ? `#${integrity}` : ''}`
