/**
 * What a container's `image` says. Pure and browser-safe: the API server validates with it, the scheduler reads the
 * scheme from it, the agent hands the parsed record to whatever can run it.
 *
 *   npm:NAME@VERSION   npm:@scope/name@^1   npm:NAME:VERSION   npm:NAME     a package of the npm registry
 *   npm/NAME:VERSION   npm/SCOPE/NAME                 the same in the form of an OCI reference, all that `kubectl run` takes
 *   dir:/ABSOLUTE/PATH                                                      a folder on the node
 *   release:NAMESPACE/APP@sha256:HEX                                        what a build made
 *   elf:sha256:HEX   wasm:sha256:HEX                                        a binary of the artifact store
 *   everything else is an OCI reference: [HOST[:PORT]/]PATH[:TAG][@DIGEST]
 */
export type Image =
  | { readonly scheme: 'npm'; readonly name: string; readonly version: string }
  | { readonly scheme: 'dir'; readonly path: string }
  | {
      readonly scheme: 'release'
      readonly namespace: string
      readonly app: string
      readonly digest: string
    }
  | { readonly scheme: 'elf' | 'wasm'; readonly digest: string }
  | { readonly scheme: 'oci'; readonly reference: string }

export type ImageScheme = Image['scheme']

/** The text is not an image. The message says what is wrong with it and what would be right. */
export class ImageError extends Error {
  override readonly name = 'ImageError'
}

const imageLengthMax = 1024 // far above any real reference; bounds the work of the patterns below
const packageNameLengthMax = 214 // npm's own limit
const packageName = /^(?:@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*$/i
// Exact versions, ranges and tags. No ':' and no '/': an image never fetches from a URL, a git repository or a file.
const packageVersion = /^[0-9A-Za-z.^~<>=|*+_ -]+$/
const digest = /^sha256:[0-9a-f]{64}$/
const label = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/
const ociReference =
  /^(?:(?:[a-zA-Z0-9.-]+|\[[0-9a-fA-F:]+\])(?::\d+)?\/)?[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*(?::[\w][\w.-]{0,127})?(?:@[A-Za-z][A-Za-z0-9]*:[0-9a-fA-F]{32,})?$/

/** Reads an image. Throws `ImageError`. */
export function parseImage(image: string): Image {
  if (image.length > imageLengthMax) {
    throw new ImageError(`image is ${image.length} characters long; at most ${imageLengthMax} are allowed`)
  }
  const colon = image.indexOf(':')
  const rest = image.slice(colon + 1)
  switch (colon < 0 ? '' : image.slice(0, colon)) {
    case 'npm':
      return parseNpm(image, rest)
    case 'dir':
      return parseDir(image, rest)
    case 'release':
      return parseRelease(image, rest)
    case 'elf':
      return { scheme: 'elf', digest: parseDigest(image, rest) }
    case 'wasm':
      return { scheme: 'wasm', digest: parseDigest(image, rest) }
    default:
      return image.startsWith('npm/') ? parseNpmPath(image) : parseOci(image)
  }
}

function parseNpmPath(image: string): Image {
  const [path = '', ...version] = image.slice('npm/'.length).split(':')
  const name = path.includes('/') ? `@${path}` : path
  return parseNpm(image, [name, ...version].join(':'))
}

function parseNpm(image: string, rest: string): Image {
  // The first '@' or ':' after the name's own (scope) '@' begins the version.
  const at = rest.slice(1).search(/[@:]/)
  const name = at < 0 ? rest : rest.slice(0, at + 1)
  const version = at < 0 ? 'latest' : rest.slice(at + 2)
  if (!packageName.test(name) || name.length > packageNameLengthMax) {
    throw new ImageError(
      `image "${image}": "${name}" is not an npm package name; write npm:NAME@VERSION or npm:@SCOPE/NAME@VERSION`,
    )
  }
  if (version.trim() === '') {
    throw new ImageError(
      `image "${image}": the version after the name is empty; write npm:${name}@1.2.3, or npm:${name} for the latest`,
    )
  }
  if (!packageVersion.test(version)) {
    throw new ImageError(
      `image "${image}": "${version}" is not a version, range or tag; write for example npm:${name}@1.2.3 or npm:${name}@^1`,
    )
  }
  return { scheme: 'npm', name, version: version.trim() }
}

function parseDir(image: string, path: string): Image {
  if (!path.startsWith('/')) {
    throw new ImageError(`image "${image}": the folder must be an absolute path, as in dir:/srv/app`)
  }
  // A node allows folders by prefix; '..' would walk out of an allowed one.
  if (path.includes('\0') || path.split('/').some((part) => part === '..' || part === '.')) {
    throw new ImageError(`image "${image}": the folder must be written without "." and ".." segments`)
  }
  const trimmed = path.replace(/\/+/g, '/').replace(/(.)\/$/, '$1')
  return { scheme: 'dir', path: trimmed }
}

function parseRelease(image: string, rest: string): Image {
  const match = /^([^/]+)\/([^@]+)@(.+)$/.exec(rest)
  const [, namespace = '', app = '', sum = ''] = match ?? []
  if (!match || !label.test(namespace) || !label.test(app)) {
    throw new ImageError(`image "${image}": write release:NAMESPACE/APP@sha256:DIGEST`)
  }
  return { scheme: 'release', namespace, app, digest: parseDigest(image, sum) }
}

function parseDigest(image: string, text: string): string {
  if (digest.test(text)) return text
  throw new ImageError(
    `image "${image}": "${text}" is not a digest; expected sha256: and 64 lower-case hexadecimal digits`,
  )
}

function parseOci(image: string): Image {
  if (ociReference.test(image)) return { scheme: 'oci', reference: image }
  if (image === '') throw new ImageError('image is empty; write for example npm:NAME@VERSION')
  throw new ImageError(
    `image "${image}" is neither an OCI reference ([HOST/]NAME[:TAG], lower case) nor one of npm:NAME@VERSION, dir:/PATH, release:NAMESPACE/APP@sha256:…, elf:sha256:…, wasm:sha256:…`,
  )
}
