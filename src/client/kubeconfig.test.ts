import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { KubeconfigError, kubeconfigText, parseKubeconfig, readKubeconfig } from './kubeconfig.ts'

const fields = { server: 'https://127.0.0.1:18888', ca: 'CA\n', cert: 'CERT\n', key: 'KEY\n', user: 'admin' }

test('what is written is read back', async () => {
  assert.deepEqual(await parseKubeconfig(kubeconfigText(fields), 'k'), {
    server: 'https://127.0.0.1:18888',
    namespace: 'default',
    ca: 'CA\n',
    cert: 'CERT\n',
    key: 'KEY\n',
  })
})

/** The parts that a row may replace. */
const config = (parts: Record<string, unknown> = {}) =>
  JSON.stringify({
    'current-context': 'here',
    contexts: [
      { name: 'there', context: {} },
      { name: 'here', context: { cluster: 'c', user: 'u', namespace: 'team' } },
    ],
    clusters: [{ name: 'c', cluster: { server: 'https://api.example.com:6443/' } }],
    users: [{ name: 'u', user: { token: 't' } }],
    ...parts,
  })

test('the current context decides; a token and a namespace are taken', async () => {
  assert.deepEqual(await parseKubeconfig(config(), 'k'), {
    server: 'https://api.example.com:6443',
    namespace: 'team',
    token: 't',
  })
})

test('YAML as kubectl writes it is read', async () => {
  const text = `apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts:\n- name: a\n  context: {cluster: a, user: a}\nclusters:\n- name: a\n  cluster:\n    server: http://localhost:8888\nusers:\n- name: a\n  user: {}\n`
  assert.deepEqual(await parseKubeconfig(text, 'k'), {
    server: 'http://localhost:8888',
    namespace: 'default',
  })
})

const refusals = [
  { name: 'no YAML', text: 'a: [', why: /^k is no YAML$/ },
  { name: 'nothing', text: '', why: /k is no kubeconfig/ },
  { name: 'a list', text: '[]', why: /k is no kubeconfig/ },
  {
    name: 'no current context',
    text: config({ 'current-context': undefined }),
    why: /contexts: no name is given/,
  },
  {
    name: 'an unknown context',
    text: config({ 'current-context': 'x' }),
    why: /contexts: no entry is named "x"/,
  },
  {
    name: 'contexts that are no list',
    text: config({ contexts: { here: {} } }),
    why: /contexts: no entry is named "here"/,
  },
  {
    name: 'an entry that is nothing',
    text: config({ contexts: [null, { name: 'here' }] }),
    why: /no entry is named "here"/,
  },
  { name: 'an unknown cluster', text: config({ clusters: [] }), why: /clusters: no entry is named "c"/ },
  {
    name: 'a cluster without server',
    text: config({ clusters: [{ name: 'c', cluster: { server: '' } }] }),
    why: /names no server/,
  },
  {
    name: 'a server that is no URL',
    text: config({ clusters: [{ name: 'c', cluster: { server: 'over there' } }] }),
    why: /"over there" is no URL/,
  },
  { name: 'an unknown user', text: config({ users: undefined }), why: /users: no entry is named "u"/ },
  {
    name: 'a user that logs in by a program',
    text: config({ users: [{ name: 'u', user: { exec: {} } }] }),
    why: /by exec are not supported/,
  },
  {
    name: 'a file that is not there',
    text: config({ users: [{ name: 'u', user: { 'client-key': 'nowhere.pem' } }] }),
    why: /can't read client-key nowhere.pem/,
  },
]
for (const { name, text, why } of refusals) {
  test(`refused: ${name}`, () => {
    return assert.rejects(
      parseKubeconfig(text, 'k'),
      (error: Error) => error instanceof KubeconfigError && why.test(error.message),
    )
  })
}

test('files are found from the kubeconfig’s own folder', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'kubeconfig-'))
  try {
    writeFileSync(join(dir, 'ca.pem'), 'CA')
    const clusters = [{ name: 'c', cluster: { server: 'https://x', 'certificate-authority': 'ca.pem' } }]
    writeFileSync(join(dir, 'config'), config({ clusters }))
    const { ca } = await readKubeconfig(join(dir, 'config'))
    assert.equal(ca, 'CA')
  } finally {
    rmSync(dir, { recursive: true })
  }
})

test('a kubeconfig that is not there says how to get one', () => {
  return assert.rejects(
    readKubeconfig('/nowhere/config'),
    /can't read the kubeconfig \/nowhere\/config: start Sampan/,
  )
})
