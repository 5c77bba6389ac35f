/** POST pods/NAME/profile?kind=cpu|heap: a file for Chrome's DevTools, made by the pod's process, passed on as it comes. */
import { badRequest } from '../../api/status.ts'
import { openPodStream, placedPod } from '../connect/pod-target.ts'
import type { VerbContext } from '../context.ts'
import type { ApiResponse } from '../http.ts'
import { chooseContainer } from './choose-container.ts'

const passedOn = ['kind', 'pid', 'seconds']

export async function profile(context: VerbContext): Promise<ApiResponse> {
  const { info, signal } = context
  const pod = await placedPod(context)
  const container = chooseContainer(pod, info.query.get('container') ?? undefined)
  const query = new URLSearchParams()
  for (const name of passedOn) {
    const value = info.query.get(name)
    if (value !== null) query.set(name, value)
  }
  if (!query.has('kind')) throw badRequest('name the kind of the profile: ?kind=cpu or ?kind=heap')
  const path = ['profile', info.namespace, info.name, container]
  const body = await openPodStream(context, pod, { path, query }, signal)
  body.end()
  return { status: 200, headers: { 'content-type': 'application/json', 'cache-control': 'no-store' }, body }
}
