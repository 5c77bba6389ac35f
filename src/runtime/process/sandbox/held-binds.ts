/**
 * Binds that could be led astray while they are made, with the agent's rights. Two kinds are: those whose source lies in a
 * folder that others write to, and those that are mounted within another one that others write to. The next moment a link may be on
 * the way, and the agent would mount whatever it leads to, or mount over whatever it leads to. So a shell of ours opens the
 * source, and the place in the outer one, sees that what it has open is what was meant, and mounts that very file or folder
 * there. It puts everything together in folders where nobody else writes; from there bubblewrap takes it. The mounts are in a
 * namespace of their own and go with it, whoever is killed when.
 */
import { closeSync, mkdirSync, openSync, realpathSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'
import { RuntimeError, type Bind } from '../../runtime.ts'
import type { SandboxUser } from './bubblewrap.ts'
import { findProgram } from './find-program.ts'
import { lockedOptions } from './locked-options.ts'
import { makeMountPoint } from './mount-point.ts'
import { around, byDepth, loosest } from './nested-binds.ts'

/**
 * Steps of four words each, then `--` and what goes on:
 *   hold SOURCE PLACE OPTIONS   what is at SOURCE, over no link
 *   bind SOURCE PLACE OPTIONS   what SOURCE leads to
 *   put  PLACE TARGET PATH      what is at PLACE into another place's folder, over no link
 * Without variables: the workload has its own.
 */
const script = (readlink: string, mount: string): string => `
same() {
  [ "$(${readlink} /proc/self/fd/8)" = "$1" ] || { echo "sampan: $2 leads over a symbolic link, which is refused" >&2; exit 126; }
}
while [ "$1" != -- ]; do
  case $1 in
  hold)
    exec 8<"$2"; same "$2" "$2"
    ${mount} --no-canonicalize $4 /proc/self/fd/8 "$3" ;;
  bind)
    ${mount} --no-canonicalize $4 "$2" "$3" ;;
  put)
    [ -d "$3" ] || [ -f "$3" ] || { echo "sampan: there is nothing at $4 to mount a volume over" >&2; exit 126; }
    exec 8<"$3"; same "$3" "the way to the volume at $4"
    ${mount} --no-canonicalize --rbind "$2" /proc/self/fd/8 ;;
  esac
  exec 8<&-
  shift 4
done
shift
exec "$@"`

export interface HeldBinds {
  /** As bubblewrap is to make them. */
  readonly binds: readonly Bind[]
  /** Stands before bubblewrap; empty when there is nothing to hold. */
  readonly command: readonly string[]
}

/** Makes the places, in `stateDir`, and the folders and files that others are to be mounted over. Throws `RuntimeError`. */
export function holdBinds(binds: readonly Bind[], stateDir: string, user: SandboxUser): HeldBinds {
  const nested = new Map(binds.flatMap((bind) => pairOf(bind, loosest(bind, binds))))
  const outer = new Set(nested.values())
  const held = binds
    .filter((bind) => bind.isUnsteady || nested.has(bind) || outer.has(bind))
    .toSorted(byDepth)
  if (held.length === 0) return { binds, command: [] }
  const [unshare, mount, readlink] = ['unshare', 'mount', 'readlink'].map(findProgram)
  if (!unshare || !mount || !readlink)
    throw new RuntimeError(
      'start-failed',
      'a subPath, and a volume within another one, need unshare, mount and readlink: install util-linux',
    )
  const folder = realpathSync(stateDir)
  const places = new Map(held.map((bind, index) => [bind, join(folder, `bind-${index}`)]))
  const placeOf = (bind: Bind) => places.get(bind) ?? bind.source
  const steps: string[] = []
  for (const bind of held) {
    makeLike(bind.source, placeOf(bind))
    steps.push(bind.isUnsteady ? 'hold' : 'bind', bind.source, placeOf(bind), optionsOf(bind))
  }
  for (const [bind, root] of [...nested].toSorted(([a], [b]) => byDepth(a, b))) {
    makePointFor(bind, binds)
    steps.push('put', placeOf(bind), join(placeOf(root), relative(root.path, bind.path)), bind.path)
  }
  // An ordinary user mounts as the root of a namespace of users.
  const asRoot = user === 'root' ? [] : ['--user', '--map-root-user']
  const namespace = [unshare, ...asRoot, '--mount', '--propagation', 'slave', '/bin/sh', '-euc']
  return {
    binds: binds
      .filter((bind) => !nested.has(bind))
      // Its place is read-only already where it must be; said once more, it would be of all that is in it.
      .map((bind) => ({ ...bind, source: placeOf(bind), readOnly: bind.readOnly && !outer.has(bind) })),
    command: [...namespace, script(readlink, mount), 'sampan', ...steps, '--'],
  }
}

const pairOf = (bind: Bind, root: Bind | undefined): readonly (readonly [Bind, Bind])[] =>
  root ? [[bind, root]] : []

/** Without what is mounted below a read-only one: mount(8) would leave that writable. */
const optionsOf = ({ isUnsteady, readOnly, source }: Bind): string =>
  readOnly ? `--bind -o ${['ro', ...lockedOptions(source)].join()}` : isUnsteady ? '--bind' : '--rbind'

function makeLike(source: string, place: string): void {
  if (statSync(source).isDirectory()) mkdirSync(place, { recursive: true })
  else closeSync(openSync(place, 'a'))
}

/** In what it is mounted within, unless that is read-only: then it has one, or the start fails. */
function makePointFor(bind: Bind, binds: readonly Bind[]): void {
  const within = around(bind, binds).at(-1)
  if (!within || within.readOnly) return
  const kind = statSync(bind.source).isDirectory() ? 'folder' : 'file'
  try {
    makeMountPoint(within, relative(within.path, bind.path).split('/'), kind)
  } catch (e) {
    const why = e instanceof Error ? e.message : String(e)
    throw new RuntimeError('start-failed', `a volume can't be mounted at ${bind.path}: ${why}`, { cause: e })
  }
}
