/**
 * Who asks for a certificate is written down by the server, and who says yes or signs needs the right to do so for that
 * signer (kubernetes plugin/pkg/admission/certificates eed236c).
 */
import { resourceAccess } from '../../api/access/request.ts'
import { groupResourceOf } from '../../api/resource.ts'
import type { KubeObject } from '../../api/meta.ts'
import { quote } from '../../api/quote.ts'
import type { CertificateSigningRequest } from '../../api/schema/types.gen.ts'
import { forbidden } from '../../api/status.ts'
import type { AdmissionRequest, AdmissionStep } from './admit.ts'

const group = 'certificates.k8s.io'

/** What a write to a subresource takes. */
const rights: Readonly<Record<string, string>> = { approval: 'approve', status: 'sign' }

export const certificateRequests: AdmissionStep = {
  name: 'CertificateRequests',
  admit(request) {
    const { def, object, operation, subresource, user } = request
    if (def.group !== group || def.plural !== 'certificatesigningrequests') return undefined
    const { spec } = object as CertificateSigningRequest & KubeObject
    if (operation === 'create') {
      spec.username = user.name
      spec.groups = [...user.groups]
      if (user.uid === undefined) delete spec.uid
      else spec.uid = user.uid
      if (user.extra === undefined) delete spec.extra
      else
        spec.extra = Object.fromEntries(Object.entries(user.extra).map(([key, values]) => [key, [...values]]))
      return undefined
    }
    const verb = rights[subresource]
    return operation === 'update' && verb !== undefined ? confirm(request, verb, spec.signerName) : undefined
  },
}

/** The right is to the signer by name, or to all of its domain. */
async function confirm(
  { def, machinery, object, user }: AdmissionRequest,
  verb: string,
  signer: string,
): Promise<void> {
  const [domain = ''] = signer.split('/')
  for (const name of [signer, `${domain}/*`]) {
    const access = resourceAccess(user, verb, { group, resource: 'signers' }, { namespace: '', name })
    if ((await machinery.access.decide(access)).allowed) return
  }
  const why = `user not permitted to ${verb} requests with signerName ${quote(signer)}`
  throw forbidden(groupResourceOf(def), object.metadata.name ?? '', why)
}
