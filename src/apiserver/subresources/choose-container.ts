/** Which container of a pod a request means. Throws BadRequest in upstream's words. */
import type { Pod } from '../../api/schema/types.gen.ts'
import { badRequest } from '../../api/status.ts'

/** The one that is asked for, the one marked as the default, or the only one. */
export function chooseContainer({ metadata, spec }: Pod, asked: string | undefined): string {
  const names = spec.containers.map(({ name }) => name)
  const inits = (spec.initContainers ?? []).map(({ name }) => name)
  const others = (spec.ephemeralContainers ?? []).map(({ name }) => name)
  const pod = metadata.name ?? ''
  if (asked !== undefined) {
    if ([...names, ...inits, ...others].includes(asked)) return asked
    throw badRequest(`container ${asked} is not valid for pod ${pod}`)
  }
  const [only] = names
  if (only !== undefined && names.length === 1) return only
  const preferred = metadata.annotations?.['kubectl.kubernetes.io/default-container']
  if (preferred !== undefined && names.includes(preferred)) return preferred
  const initText = inits.length > 0 ? ` or one of the init containers: [${inits.join(' ')}]` : ''
  throw badRequest(
    `a container name must be specified for pod ${pod}, choose one of: [${names.join(' ')}]${initText}`,
  )
}
