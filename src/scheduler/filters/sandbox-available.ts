import { isSandboxLevel, sandboxLabel, sandboxWishOf } from '../../api/sandbox-level.ts'
import type { Filter } from '../policy.ts'

/** A pod that asks for a level of the sandbox goes to a node that can give it. An unknown one is the node's to refuse. */
export const sandboxAvailable: Filter = {
  name: 'SandboxAvailable',
  admits(pod, { node }) {
    const wish = sandboxWishOf(pod)
    if (!isSandboxLevel(wish) || wish === 'none') return []
    return node.metadata.labels?.[sandboxLabel(wish)] === 'true' ? [] : [`node(s) had no ${wish} sandbox`]
  },
}
