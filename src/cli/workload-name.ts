/** Of whom a command is, as kubectl has it too: `web`, `pod/web-5d8c7`, `deployment/web`. */
export interface WorkloadName {
  readonly name: string
  /** Said by its type; otherwise the name may be an app's as well. */
  readonly isPod: boolean
}

const podTypes = new Set(['pod', 'pods', 'po'])
const appTypes = new Set(
  ['deployment', 'replicaset', 'statefulset', 'daemonset', 'job'].flatMap((type) => [type, `${type}s`]),
)
for (const short of ['deploy', 'rs', 'sts', 'ds']) appTypes.add(short)

/** Throws for a type that has no pods of its own. */
export function parseWorkloadName(text: string): WorkloadName {
  const slash = text.indexOf('/')
  if (slash === -1) return { name: text, isPod: false }
  const [type = ''] = text.slice(0, slash).toLowerCase().split('.')
  const name = text.slice(slash + 1)
  if (name !== '' && podTypes.has(type)) return { name, isPod: true }
  if (name !== '' && appTypes.has(type)) return { name, isPod: false }
  throw new Error(`${JSON.stringify(text)} names no pod and no app: write NAME, pod/NAME or deployment/NAME`)
}

/** For commands that need one pod. */
export function parsePodName(text: string): string {
  const { isPod, name } = parseWorkloadName(text)
  if (isPod || name === text) return name
  throw new Error(`${JSON.stringify(text)} is no pod: \`kubectl get pods\` lists those of ${name}`)
}
