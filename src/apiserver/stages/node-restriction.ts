/** A node registers itself, nobody else: what it creates bears its own name. The rest is the node authorizer's. */
import { groupResourceOf } from '../../api/resource.ts'
import { quote } from '../../api/quote.ts'
import { forbidden } from '../../api/status.ts'
import type { AdmissionStep } from './admit.ts'
import { nodeOf } from './node-authorizer.ts'

export const nodeRestriction: AdmissionStep = {
  name: 'NodeRestriction',
  admit({ def, object, operation, user }) {
    const node = nodeOf(user)
    if (node === undefined || operation !== 'create') return
    const isOwn = (def.group === '' && def.plural === 'nodes') || def.plural === 'leases'
    const { name = '' } = object.metadata
    if (!isOwn || name === node) return
    throw forbidden(
      groupResourceOf(def),
      name,
      `node ${quote(node)} is not allowed to create ${def.plural} of another name`,
    )
  },
}
