import type { Pod } from '../../api/schema/types.gen.ts'
import { parseImage, type ImageScheme } from '../../api/image.ts'
import type { Filter } from '../policy.ts'

/** A node has the label with the value `true` for each runtime that works there. */
export const runtimeLabel = (runtime: string): string => `sampan.dev/runtime.${runtime}`

const runtimeOf: Readonly<Record<ImageScheme, string>> = {
  npm: 'process',
  dir: 'process',
  release: 'process',
  elf: 'process',
  wasm: 'process',
  oci: 'container',
}

export const runtimeAvailable: Filter = {
  name: 'RuntimeAvailable',
  admits(pod, { node }) {
    const missing = runtimesFor(pod).filter(
      (runtime) => node.metadata.labels?.[runtimeLabel(runtime)] !== 'true',
    )
    return missing.map((runtime) => `node(s) had no ${runtime} runtime`)
  },
}

/** `runtimeClassName` decides, else the images do. */
export function runtimesFor(pod: Pod): readonly string[] {
  if (pod.spec.runtimeClassName) return [pod.spec.runtimeClassName]
  const containers = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])]
  return [...new Set(containers.map(({ image = '' }) => runtimeOf[schemeOf(image)]))]
}

function schemeOf(image: string): ImageScheme {
  try {
    return parseImage(image).scheme
  } catch {
    return 'oci' // validation lets only containers' references through that we can't read ourselves
  }
}
