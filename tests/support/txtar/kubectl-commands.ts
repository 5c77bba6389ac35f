/** The two commands that upstream's scripts have beside the built-in ones. */
import { writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { execute } from './builtins.ts'
import { pathIn, type ScriptCommand, type ScriptState } from './state.ts'

/** How long `kube-retry` asks, unless its fourth word says so. */
const retryMs = 30_000

/** `$KUBE_ROOT` is where relative paths of manifests begin, whatever folder the script is in. */
export const kubectlCommands = (kubectl: string): Readonly<Record<string, ScriptCommand>> => {
  const run = (state: ScriptState, args: readonly string[], expected: 'success' | 'failure' | 'either') =>
    execute(state, [kubectl, ...args], expected, {
      folder: resolve(state.env.get('KUBE_ROOT') ?? state.work),
      // Upstream's kubectl runs within the test, which sees no other variable of the script.
      env: pick(state.env, ['HOME', 'KUBECONFIG', 'PATH', 'TMPDIR']),
    })
  return {
    /** `> FILE` at the end keeps what it prints in a file of the script's folder. */
    async kubectl(state, args, expected) {
      const at = args.indexOf('>')
      const own = at < 0 ? args : args.slice(0, at)
      // Nobody reconciles here, so nothing that waits for finalizers would end.
      const waits = own[0] === 'delete' && !own.some((arg) => arg.startsWith('--wait'))
      await run(state, waits ? [...own, '--wait=false'] : own, expected)
      const target = at < 0 ? undefined : args[at + 1]
      if (target === undefined) return
      writeFileSync(pathIn(state, target), state.stdout)
      state.stdout = ''
    },
    /** `kube-retry RESOURCE JSONPATH WANTED [SECONDS]`: until `kubectl get` prints it. With `!` it must not. */
    async 'kube-retry'(state, [resource = '', jsonpath = '', wanted = '', seconds], expected) {
      const until = performance.now() + (seconds === undefined ? retryMs : Number(seconds) * 1000)
      const get = ['get', ...resource.split(/\s+/), '-o', `jsonpath=${jsonpath}`]
      do {
        await run(state, get, 'either')
        const isThere = state.stderr === '' && state.stdout.trim() === wanted
        if (isThere && expected === 'success') return
        if (isThere) throw new Error(`it is ${wanted}, against what is expected`)
        if (expected === 'failure') return
        await new Promise((done) => setTimeout(done, 100))
      } while (performance.now() < until)
      throw new Error(`${resource} ${jsonpath} is not ${wanted}`)
    },
  }
}

const pick = (env: ReadonlyMap<string, string>, names: readonly string[]): Readonly<Record<string, string>> =>
  Object.fromEntries([...env].filter(([name]) => names.includes(name)))
