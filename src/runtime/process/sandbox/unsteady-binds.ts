/**
 * Binds whose source lies in a folder that others write to while they are made: the next moment a link may be in its place, or
 * in that of a folder above it, and root would mount whatever it leads to. So a shell of ours opens each, sees that what it
 * has open is what was meant, and mounts that very file or folder where nobody else writes; from there bubblewrap takes it. The
 * mounts are in a namespace of their own and go with it, whoever is killed when.
 */
import { closeSync, mkdirSync, openSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { RuntimeError, type Bind } from '../../runtime.ts'
import type { SandboxUser } from './bubblewrap.ts'
import { findProgram } from './find-program.ts'

/** For each a source and a place, then `--` and what goes on. */
const script = (readlink: string, mount: string): string => `
while [ "$1" != -- ]; do
  exec 8<"$1"
  [ "$(${readlink} /proc/self/fd/8)" = "$1" ] || { echo "sampan: $1 leads over a symbolic link, which is refused" >&2; exit 126; }
  ${mount} --no-canonicalize --bind /proc/self/fd/8 "$2"
  exec 8<&-
  shift 2
done
shift
exec "$@"`

export interface HeldBinds {
  /** As bubblewrap is to make them. */
  readonly binds: readonly Bind[]
  /** Stands before bubblewrap; empty when there is nothing to hold. */
  readonly command: readonly string[]
}

/** Makes the places, in `stateDir`. Throws `RuntimeError`. */
export function holdBinds(binds: readonly Bind[], stateDir: string, user: SandboxUser): HeldBinds {
  // Whoever isn't root mounts no more than the pod itself could.
  if (user !== 'root' || !binds.some(({ isUnsteady }) => isUnsteady)) return { binds, command: [] }
  const [unshare, mount, readlink] = ['unshare', 'mount', 'readlink'].map(findProgram)
  if (!unshare || !mount || !readlink)
    throw new RuntimeError('start-failed', 'a subPath needs unshare, mount and readlink: install util-linux')
  const places: string[] = []
  const held = binds.map((bind, index) => {
    if (!bind.isUnsteady) return bind
    const place = join(stateDir, `bind-${index}`)
    makeLike(bind.source, place)
    places.push(bind.source, place)
    return { ...bind, source: place }
  })
  const namespace = [unshare, '--mount', '--propagation', 'slave', '/bin/sh', '-euc']
  return { binds: held, command: [...namespace, script(readlink, mount), 'sampan', ...places, '--'] }
}

function makeLike(source: string, place: string): void {
  if (statSync(source).isDirectory()) mkdirSync(place, { recursive: true })
  else closeSync(openSync(place, 'a'))
}
