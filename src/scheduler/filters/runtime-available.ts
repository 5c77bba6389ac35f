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
    return missing.map((runtime) => `node(s) had no ${runtime} runtime${hintFor(pod)}`)
  },
}

/** Who writes `image: express` means a package; the refusal has to say how that is written. */
function hintFor({ spec }: Pod): string {
  const foreign = spec.runtimeClassName
    ? undefined
    : imagesOf(spec).find((image) => schemeOf(image) === 'oci')
  if (foreign === undefined) return ''
  return ` for the image ${JSON.stringify(foreign)} (an npm package is written npm:NAME@VERSION, a folder dir:/PATH)`
}

/** `runtimeClassName` decides, else the images do. */
export function runtimesFor(pod: Pod): readonly string[] {
  if (pod.spec.runtimeClassName) return [pod.spec.runtimeClassName]
  return [...new Set(imagesOf(pod.spec).map((image) => runtimeOf[schemeOf(image)]))]
}

const imagesOf = ({ containers, initContainers = [] }: Pod['spec']): readonly string[] =>
  [...containers, ...initContainers].map(({ image = '' }) => image)

function schemeOf(image: string): ImageScheme {
  try {
    return parseImage(image).scheme
  } catch {
    return 'oci' // validation lets only containers' references through that we can't read ourselves
  }
}
