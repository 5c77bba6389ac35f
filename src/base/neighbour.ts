import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * The file of an entry that lies beside the caller: the same name ends in .ts under type stripping and in .cjs once
 * `npm run build` has bundled it, as the caller's own does. `url` is the caller's `import.meta.url`.
 */
export const neighbour = (url: string, name: string): string => {
  const caller = fileURLToPath(url)
  return fileURLToPath(new URL(`./${name}${extname(caller)}`, url))
}
