/**
 * Volumes at their `mountPath`, for a program that otherwise sees the machine's own file system. The program is wrapped
 * in a command that makes a private mount namespace, binds the volumes, and `exec`s: the process keeps its pid and
 * stays the child that the runtime watches. Pure: it builds the argv; `mount-support.ts` finds out what works here.
 *
 * A mount point that doesn't exist is made without touching the machine's files: its nearest existing parent is
 * covered by an overlay private to the container, or, below `/` itself, by a new root of bind mounts.
 */
import { dirname, join } from 'node:path'
import { systemPath } from '../runtime/process/sandbox/find-program.ts'

export interface Mount {
  /** Absolute path on the machine. */
  readonly source: string
  readonly mountPath: string
  readonly readOnly: boolean
  /** The source is one file, not a folder: a `subPath` of a ConfigMap. */
  readonly isFile: boolean
  /** Nobody but the agent writes there: files of a Secret, a token. */
  readonly isAgents?: boolean
  /** Of a folder or file within a volume: the source without links above the volume. Pods may put some below it at any time. */
  readonly unsteady?: string
}

/** As which user the agent makes namespaces: root needs none of its own for users. */
export type MountSupport =
  | { readonly usable: true; readonly user: 'root' | { readonly uid: number; readonly gid: number } }
  | { readonly usable: false; readonly reason: string }

export interface MountInput {
  readonly mounts: readonly Mount[]
  readonly argv: readonly string[]
  readonly cwd: string
  /** PATH of the program. What puts the mounts together doesn't look there: the package's own folders come first in it. */
  readonly path: string
  /** A folder of the container for overlays and the new root; on a file system that can be an upper layer. */
  readonly scratch: string
  readonly user: 'root' | { readonly uid: number; readonly gid: number }
  /** Whether a path exists on the machine. */
  readonly exists: (path: string) => boolean
}

/** The steps of the script below, as its arguments. */
export function mountSteps({
  mounts,
  scratch,
  exists,
}: Pick<MountInput, 'mounts' | 'scratch' | 'exists'>): string[] {
  const missing = mounts.filter(({ mountPath }) => !exists(mountPath))
  const parents = new Set(missing.map(({ mountPath }) => existingParent(mountPath, exists)))
  const steps: string[] = []
  if (parents.delete('/')) steps.push('root', join(scratch, 'root'))
  const overlays: { readonly parent: string; readonly folder: string }[] = []
  for (const parent of [...parents].sort()) {
    // One inside of another would cover it: the outer overlay shows the inner folder already.
    if ([...parents].some((other) => other !== parent && parent.startsWith(`${other}/`))) continue
    const folder = join(scratch, `overlay${overlays.length}`)
    overlays.push({ parent, folder })
    steps.push('overlay', parent, folder)
  }
  for (const { source, mountPath, readOnly, isFile, unsteady } of [...mounts].sort(byDepth)) {
    const overlay = overlays.find(({ parent }) => mountPath === parent || mountPath.startsWith(`${parent}/`))
    const path = overlay ? merged(overlay.folder) + mountPath.slice(overlay.parent.length) : mountPath
    steps.push(isFile ? 'file' : 'folder', path)
    const step = unsteady === undefined ? 'bind' : 'hold'
    steps.push(readOnly ? `${step}-ro` : step, unsteady ?? source, path)
  }
  for (const { parent, folder } of overlays) steps.push('cover', parent, merged(folder))
  return steps
}

const merged = (overlay: string): string => `${overlay}/merged`

/** The whole command. Without mounts it is `argv` as it came. */
export function mountCommand(input: MountInput): readonly string[] {
  if (input.mounts.length === 0) return input.argv
  const { user, cwd, argv, path } = input
  const isRoot = user === 'root'
  const namespace = [
    'unshare',
    ...(isRoot ? [] : ['--user', '--map-root-user']),
    '--mount',
    '--propagation',
    'private',
  ]
  // The user's own ids come back in a second namespace, which also drops every capability over the first. It owns a copy
  // of the mounts, because one can only enter mounts of the user namespace one enters.
  const ids = isRoot ? [] : ['--user', `--map-user=${user.uid}`, `--map-group=${user.gid}`]
  const own = isRoot ? [] : ['unshare', ...ids, '--mount', '--propagation', 'unchanged']
  return [
    '/usr/bin/env',
    `PATH=${systemPath}`,
    ...namespace,
    '/bin/sh',
    '-euc',
    mountScript,
    'sampan-mounts',
    ...mountSteps(input),
    '--',
    cwd,
    ...own,
    '/usr/bin/env',
    `PATH=${path}`,
    ...argv,
  ]
}

/**
 * The same surroundings, working directory included, for one more command: `exec` probes. `pid` is a process inside, `nsenter` an
 * absolute path.
 */
export function enterCommand(
  argv: readonly string[],
  { pid, user, nsenter }: { readonly pid: number; readonly nsenter: string } & Pick<MountInput, 'user'>,
): readonly string[] {
  const users = user === 'root' ? [] : ['--user', '--preserve-credentials']
  return [nsenter, `--target=${pid}`, ...users, '--mount', '--root', '--wd', '--', ...argv]
}

const byDepth = (a: Mount, b: Mount): number =>
  a.mountPath.split('/').length - b.mountPath.split('/').length || (a.mountPath < b.mountPath ? -1 : 1)

function existingParent(path: string, exists: (path: string) => boolean): string {
  let parent = dirname(path)
  while (parent !== '/' && !exists(parent)) parent = dirname(parent)
  return parent
}

/**
 * Steps: `root DIR`, `overlay PARENT DIR`, `folder PATH`, `file PATH`, `bind SOURCE PATH`, `bind-ro SOURCE PATH`,
 * `hold SOURCE PATH`, `hold-ro SOURCE PATH`, `cover PARENT DIR`, `--`. What is held is seen to be what was meant, over no link, once it
 * is open, and mounted as it is then: a pod may change the way there at any moment. An overlay is put together in DIR/merged and covers its parent last: a source that lies below
 * the parent would be bound as the overlay shows it otherwise, and what is written to it would stay in the overlay.
 * Where the parent has mounts of the machine below it, an ordinary user's namespace lets no overlay show it: it is put together of what is in it.
 * A new root is put together in DIR and steps that follow happen in it; sources are still reached, because every
 * top-level folder is bound there too.
 */
export const mountScript = `
rebuild() {
  mount -t tmpfs -o mode=755 sampan "$2"
  for entry in "$1"/* "$1"/.[!.]*; do
    here=$2/\${entry##*/}
    if [ -L "$entry" ]; then cp -P "$entry" "$here"
    elif [ -d "$entry" ]; then mkdir "$here"; mount --rbind "$entry" "$here"
    elif [ -e "$entry" ]; then : > "$here"; mount --bind "$entry" "$here"; fi
  done
}
while [ "$1" != -- ]; do
  case $1 in
    root)
      mkdir -p "$2"; rebuild '' "$2"
      cd "$2"; mkdir .sampan-old; pivot_root . .sampan-old; cd /; umount -l /.sampan-old; rmdir /.sampan-old
      shift 2 ;;
    overlay)
      mkdir -p "$3/upper" "$3/work" "$3/merged"
      mount -t overlay sampan -o "lowerdir=$2,upperdir=$3/upper,workdir=$3/work" "$3/merged" 2>/dev/null ||
        rebuild "$2" "$3/merged"
      shift 3 ;;
    folder) [ -d "$2" ] || mkdir -p "$2"; shift 2 ;;
    file) [ -e "$2" ] || { mkdir -p "\${2%/*}"; : > "$2"; }; shift 2 ;;
    cover) mount --rbind "$3" "$2"; shift 3 ;;
    bind) mount --rbind "$2" "$3"; shift 3 ;;
    bind-ro) mount --bind "$2" "$3"; mount -o remount,bind,ro "$3"; shift 3 ;;
    hold | hold-ro)
      exec 8<"$2"
      [ "$(readlink /proc/self/fd/8)" = "$2" ] || { echo "sampan: $2 leads over a symbolic link, which is refused" >&2; exit 126; }
      mount --no-canonicalize --bind /proc/self/fd/8 "$3"; exec 8<&-
      [ "$1" = hold ] || mount -o remount,bind,ro "$3"
      shift 3 ;;
  esac
done
cd "$2"; shift 2; exec "$@"
`
