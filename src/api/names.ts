/**
 * What names may look like. Each `check…` yields what is wrong with a value, in upstream's words, and nothing when it
 * is fine (apimachinery pkg/util/validation/validation.go and pkg/api/validate/content/kube.go eed236c).
 */

interface Format {
  readonly regex: string
  readonly message: string
  readonly examples: readonly string[]
  /** With the unit that upstream names for this format. */
  readonly lengthMax?: readonly [number, 'characters' | 'bytes']
}

const label1123 = '[a-z0-9]([-a-z0-9]*[a-z0-9])?'
const subdomain1123 = `${label1123}(\\.${label1123})*`
const labelKey = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]'

const formats = {
  dns1123Label: {
    regex: label1123,
    message:
      "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
    examples: ['my-name', '123-abc'],
    lengthMax: [63, 'characters'],
  },
  dns1123Subdomain: {
    regex: subdomain1123,
    message:
      "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
    examples: ['example.com'],
    lengthMax: [253, 'characters'],
  },
  wildcardDns1123Subdomain: {
    regex: `\\*\\.${subdomain1123}`,
    message:
      "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character",
    examples: ['*.example.com'],
    lengthMax: [253, 'characters'],
  },
  dns1035Label: {
    regex: '[a-z]([-a-z0-9]*[a-z0-9])?',
    message:
      "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character",
    examples: ['my-name', 'abc-123'],
    lengthMax: [63, 'characters'],
  },
  labelValue: {
    regex: `(${labelKey})?`,
    message:
      "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
    examples: ['MyValue', 'my_value', '12345'],
    lengthMax: [63, 'bytes'],
  },
  configMapKey: {
    regex: '[-._a-zA-Z0-9]+',
    message: "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
    examples: ['key.name', 'KEY_NAME', 'key-name'],
    lengthMax: [253, 'characters'],
  },
  strictEnvVarName: {
    regex: '[-._a-zA-Z][-._a-zA-Z0-9]*',
    message:
      "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', and must not start with a digit",
    examples: ['my.env-name', 'MY_ENV.NAME', 'MyEnvName1'],
  },
  cIdentifier: {
    regex: '[A-Za-z_][A-Za-z0-9_]*',
    message:
      "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_'",
    examples: ['my_name', 'MY_NAME', 'MyName'],
  },
  percent: {
    regex: '[0-9]+%',
    message: "a valid percent string must be a numeric string followed by an ending '%'",
    examples: ['1%', '93%'],
  },
  httpHeaderName: {
    regex: '[-A-Za-z0-9]+',
    message: "a valid HTTP header must consist of alphanumeric characters or '-'",
    examples: ['X-Header-Name'],
  },
} as const satisfies Record<string, Format>

export type Problems = readonly string[]

/** A single DNS label: namespaces, container names. */
export const checkDns1123Label = (value: string): Problems => {
  const problems = checkFormat('dns1123Label', value)
  const onlyDots = !matches('dns1123Label', value) && matches('dns1123Subdomain', value)
  return onlyDots ? [...problems.slice(0, -1), 'must not contain dots'] : problems
}

/** The name of most kinds. */
export const checkDns1123Subdomain = (value: string): Problems => checkFormat('dns1123Subdomain', value)

/** A host of an Ingress that begins with `*.`. */
export const checkWildcardDns1123Subdomain = (value: string): Problems =>
  checkFormat('wildcardDns1123Subdomain', value)

/** The name of a Service. */
export const checkDns1035Label = (value: string): Problems => checkFormat('dns1035Label', value)

export const checkCIdentifier = (value: string): Problems => checkFormat('cIdentifier', value)
export const checkPercent = (value: string): Problems => checkFormat('percent', value)
export const checkHttpHeaderName = (value: string): Problems => checkFormat('httpHeaderName', value)
export const checkLabelValue = (value: string): Problems => checkFormat('labelValue', value)

/** A key of a ConfigMap's or Secret's data: also a file name in a volume. */
export const checkConfigMapKey = (value: string): Problems => [
  ...checkFormat('configMapKey', value),
  ...leadsUpward(value),
]

/** The name of an environment variable, as Kubernetes has allowed it since 1.34. */
export const checkEnvVarName = (value: string): Problems => {
  if (value === '') return ['environment variable name must be non-empty']
  return /^[ -<>-~]+$/.test(value)
    ? []
    : ["a valid environment variable name must consist only of printable ASCII characters other than '='"]
}

/** The older rule, for places where a shell must be able to name the variable. */
export const checkStrictEnvVarName = (value: string): Problems => [
  ...checkFormat('strictEnvVarName', value),
  ...leadsUpward(value),
]

const labelKeyMessage = regexMessage({
  regex: labelKey,
  message:
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
  examples: ['MyName', 'my.name', '123-abc'],
})
const labelKeyRegex = new RegExp(`^${labelKey}$`)
const labelKeyLengthMax = 63

/** A label or annotation key, a finalizer: `name` or `example.com/name`. */
export const checkQualifiedName = (value: string): Problems => {
  const parts = value.split('/')
  if (parts.length > 2) {
    return [
      `a valid label key ${labelKeyMessage} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
    ]
  }
  const name = parts.at(-1) ?? ''
  const prefix = parts.length === 2 ? parts[0] : undefined
  const problems: string[] = []
  if (prefix === '') problems.push('prefix part must be non-empty')
  else if (prefix !== undefined) {
    for (const problem of checkDns1123Subdomain(prefix)) problems.push(`prefix part ${problem}`)
  }
  if (name === '') problems.push('name part must be non-empty')
  else if (name.length > labelKeyLengthMax) {
    problems.push(`name part must be no more than ${labelKeyLengthMax} bytes`)
  }
  if (!labelKeyRegex.test(name)) problems.push(`name part ${labelKeyMessage}`)
  return problems
}

/** The IANA service name of a port. */
export const checkPortName = (value: string): Problems => {
  const problems: string[] = []
  if (value.length > 15) problems.push('must be no more than 15 characters')
  if (!/^[-a-z0-9]+$/.test(value)) {
    problems.push('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)')
  }
  if (!/[a-z]/.test(value)) problems.push('must contain at least one letter (a-z)')
  if (value.includes('--')) problems.push('must not contain consecutive hyphens')
  if (value.startsWith('-') || value.endsWith('-')) problems.push('must not begin or end with a hyphen')
  return problems
}

export const checkPortNumber = (port: number): Problems => checkInRange(port, { min: 1, max: 65_535 })

export const checkInRange = (
  value: number,
  range: { readonly min: number; readonly max: number },
): Problems =>
  value >= range.min && value <= range.max ? [] : [`must be between ${range.min} and ${range.max}, inclusive`]

/** A name that becomes part of a URL path or of a store key. */
export const checkPathSegmentName = (value: string): Problems => {
  if (value === '.' || value === '..') return [`may not be '${value}'`]
  return ['/', '%'].filter((part) => value.includes(part)).map((part) => `may not contain '${part}'`)
}

const regexByFormat = new Map(
  Object.entries(formats).map(([name, { regex }]) => [name, new RegExp(`^${regex}$`)]),
)
const regexLengthMax = 4096 // a longer text is refused for its length alone: regular expressions backtrack

const matches = (name: keyof typeof formats, value: string): boolean =>
  value.length <= regexLengthMax && (regexByFormat.get(name)?.test(value) ?? false)

const checkFormat = (name: keyof typeof formats, value: string): Problems => {
  const format: Format = formats[name]
  const problems: string[] = []
  if (format.lengthMax !== undefined && value.length > format.lengthMax[0]) {
    problems.push(`must be no more than ${format.lengthMax[0]} ${format.lengthMax[1]}`)
  }
  if (!matches(name, value)) problems.push(regexMessage(format))
  return problems
}

function regexMessage({ regex, message, examples }: Format): string {
  const shown = examples.map((example) => `'${example}', `).join(' or ')
  return `${message} (e.g. ${shown}regex used for validation is '${regex}')`
}

/** A path part that would climb out of its folder. */
const leadsUpward = (value: string): Problems => {
  if (value === '.' || value === '..') return [`must not be '${value}'`]
  return value.startsWith('..') ? ["must not start with '..'"] : []
}
