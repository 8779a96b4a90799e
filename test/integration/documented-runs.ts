// Carries out the commands and requests of the documents as they stand there, with the names of a
// mirror that runs in the place of the documents' names.
import { linesOf, pages, readPage, spansOf, tryArguments } from
  '../orchestrator/cli/documented-lines.ts'
import { runCaptured } from '../orchestrator/cli/run-program.ts'

type Exits = Readonly<Record<string, readonly number[]>>

/** The exit codes of commands that change nothing, on a mirror that is healthy. */
export const reads: Exits = {
  'acls': [0],
  'completion': [0],
  // 10: the machine of the test has a problem.
  'doctor': [0, 10],
  'groups': [0],
  'lag': [0],
  'members': [0],
  'offsets explain': [0],
  'offsets export': [0],
  'offsets translate': [0],
  'partitions list': [0],
  // 11: topics that a mirror creates when it first writes to them.
  'plan': [0, 11],
  'status': [0],
  'top': [0],
  'topics': [0],
  'validate': [0],
  'wait': [0]
}

export const changes: Exits = {
  'log-level': [0],
  'partitions retry': [0],
  'pause': [0],
  'reload': [0],
  'resume': [0],
  'throttle': [0]
}

const statuses: ReadonlyArray<readonly [address: RegExp, status: number]> = [
  [/:9584\/(healthz|readyz|metrics)$/, 200],
  [/:9584\/api\/v1\/(flows|events)$/, 200],
  [/\/flows\/frankfurt-%3Esydney\/(partitions\?state=faulted|caught-up\?timeout=5m)$/, 200],
  [/\/flows\/frankfurt-%3Esydney\/pause$/, 202]
]

/** The status of the answer to a request of the documents; undefined: no row has the address. */
export function statusOf (address: string): number | undefined {
  return statuses.find(([pattern]) => pattern.test(address))?.[1]
}

/** The mirror whose names replace those of the documents. */
export interface Names {
  readonly file: string
  readonly topic: string
  readonly url: string
  readonly token: string
  /** For files that a command writes. */
  readonly folder: string
}

function withNames (word: string, { file, folder, token, topic, url }: Names): string {
  if (/^(FILE|(connect-mirror-maker|mm2)\.properties)$/.test(word)) return file
  if (/\.(csv|json)$/.test(word)) return `${folder}/${word}`
  return word.replace('TOPIC', topic).replace('orders', topic).replace('TARGET', 'west')
    .replace('WHY', 'a reason').replace('$TOKEN', token)
    .replace(/http:\/\/(127\.0\.0\.1|HOST):9584/, url)
    .replaceAll('frankfurt', 'east').replaceAll('sydney', 'west')
}

/** Each once: what is not as the tables say. */
export async function runDocumentedCommands (names: Names, exits: Exits): Promise<string[]> {
  const commands = new Map<string, { readonly args: readonly string[], readonly path: string }>()
  for (const page of pages) {
    const text = readPage(page)
    const spans = spansOf(page, text).filter(({ words }) => words.length > 2)
    for (const { words: [program, ...words] } of [...linesOf(page, text), ...spans]) {
      const args = words.map(word => withNames(word, names))
      const { path } = program === 'longhaul' ? tryArguments(args) : { path: '' }
      // The mirror of the test has no canary.
      const isOfCanary = args.some(word => word.startsWith('longhaul-canary.'))
      if (Object.hasOwn(exits, path) && !isOfCanary) commands.set(args.join(' '), { args, path })
    }
  }
  const problems: string[] = []
  for (const [line, { args, path }] of commands) {
    const { exitCode, written } = await runCaptured(args)
    if (exits[path]?.includes(exitCode) === true && written.trim() !== '') continue
    problems.push(`longhaul ${line}: ${exitCode}\n${written}`)
  }
  return [...problems, ...Object.keys(exits)
    .filter(path => [...commands.values()].every(each => each.path !== path))
    .map(path => `no document has the command ${path}`)]
}

/** The same for lines with curl. */
export async function sendDocumentedRequests (names: Names): Promise<string[]> {
  const problems: string[] = []
  const requests = pages.flatMap(page => {
    const text = readPage(page)
    return [...linesOf(page, text), ...spansOf(page, text, 'curl')]
  }).filter(({ words: [program] }) => program === 'curl')
  for (const { page, words } of requests) {
    const valueOf = (option: string): string | undefined => {
      const index = words.indexOf(option)
      return index === -1 ? undefined : withNames(words[index + 1] ?? '', names)
    }
    const address = words.find(word => word.startsWith('http://')) ?? ''
    const [header, body] = [valueOf('--header'), valueOf('--json')]
    const [name = '', value = ''] = header?.split(': ') ?? []
    const response = await fetch(withNames(address, names), {
      headers: {
        ...header !== undefined && { [name]: value },
        ...body !== undefined && { 'content-type': 'application/json' }
      },
      ...body !== undefined && { method: 'POST', body }
    })
    await response.body?.cancel()
    if (response.status !== statusOf(address)) {
      problems.push(`${page}: ${address}: ${response.status}`)
    }
  }
  return problems
}
