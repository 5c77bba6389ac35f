/** Which binds are made within others, and whether the way there is one that programs may change meanwhile. Pure. */
import type { Bind } from '../../runtime.ts'

export const isBelow = (path: string, folder: string): boolean => path.startsWith(`${folder}/`)

/** Node.js itself, a package: what the machine has there in any case. */
export const isOwnPlace = ({ path, readOnly, source }: Bind): boolean => readOnly && source === path

export const byDepth = (a: Bind, b: Bind): number =>
  a.path.split('/').length - b.path.split('/').length || (a.path < b.path ? -1 : 1)

/** All that it lies within, the outermost first. */
export const around = ({ path }: Bind, binds: readonly Bind[]): readonly Bind[] =>
  binds.filter((other) => isBelow(path, other.path)).toSorted(byDepth)

/** The outermost of those around it in which a link may come up on the way to it at any time. */
export const loosest = (bind: Bind, binds: readonly Bind[]): Bind | undefined =>
  around(bind, binds).find((other) => !isOwnPlace(other) && !other.isFresh)
