export const dynamic = 'force-dynamic'

export function GET(request) {
  const encoder = new TextEncoder()
  let timer
  const body = new ReadableStream({
    start(controller) {
      let count = 0
      const tick = () => controller.enqueue(encoder.encode(`data: ${++count}\n\n`))
      tick()
      timer = setInterval(tick, 100)
      request.signal.addEventListener('abort', () => clearInterval(timer))
    },
    cancel: () => clearInterval(timer),
  })
  return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
}
