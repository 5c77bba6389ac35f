/** `none`: a process of the agent's user. `bubblewrap`: namespaces, a root and a user of its own, fewer system calls. */
export type SandboxLevel = 'none' | 'bubblewrap'
export const sandboxLevels: readonly SandboxLevel[] = ['none', 'bubblewrap']

export const sandboxAnnotation = 'sampan.dev/sandbox'

export const isSandboxLevel = (text: string | undefined): text is SandboxLevel =>
  sandboxLevels.some((level) => level === text)
