/** What a verb works with: the request in all its parsed forms, and the machinery behind it. */
import type { ResourceDef } from '../api/resource.ts'
import type { ApiRequest, ApiResponse, UserInfo } from './http.ts'
import type { RequestInfo } from './request-info.ts'
import type { Admission, AdmissionMachinery } from './stages/admit.ts'

export interface Machinery extends AdmissionMachinery {
  readonly admission: Admission
}

export interface VerbContext {
  readonly machinery: Machinery
  readonly request: ApiRequest
  readonly info: RequestInfo
  readonly def: ResourceDef
  readonly user: UserInfo
  /** Aborts when the client has gone or the server ends. Made when it is asked for: a copy by spreading is without. */
  readonly signal: AbortSignal
  /** Becomes `Warning` headers. */
  readonly warnings: string[]
}

export type VerbHandler = (context: VerbContext) => Promise<ApiResponse>
