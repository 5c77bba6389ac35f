import { Counter } from './counter'

/** Made anew for each request. */
export const dynamic = 'force-dynamic'

export default function Page() {
  return (
    <main>
      <h1>Hello from Next.js</h1>
      <p>
        {process.env.HOSTNAME} {process.version}
      </p>
      <Counter />
    </main>
  )
}
