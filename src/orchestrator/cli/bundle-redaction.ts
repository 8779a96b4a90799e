// What of a properties file may leave the machine: its properties without secrets and without
// comments; and the removal of every secret that is known from any other text. Pure.
import { Findings } from '../config/findings.ts'
import type { Config } from '../config/config.ts'
import { readEntries, type Entry } from '../config/properties-text.ts'
import { isSecret, redacted } from '../config/secret-properties.ts'

/** Misspelt names have secrets, too; of other names, values that look like a JAAS configuration. */
const looksSecret = /pas|pwd|secr|token(?!.*url)|credential|jaas|api\.?key|private/i
/** A reference names a place, not a secret. */
const isReference = /^\$\{[^}]*\}$/
/** Values that every text has, and no secret. */
const isPlain = /^(true|false|none|\d{1,9})$/i
/** Shorter values would remove words from every text. */
const secretLengthMin = 4

export interface RedactedFile {
  readonly text: string
  /** Of the file: values that no text may show. */
  readonly secrets: readonly string[]
}

export function redactFile (text: string, overrides: readonly string[] = []): RedactedFile {
  const entries = [
    ...readEntries(text, new Findings()),
    ...overrides.map((each): Entry => {
      const equals = each.indexOf('=')
      return { key: each.slice(0, equals), value: each.slice(equals + 1), where: '-X' }
    })
  ]
  const secrets: string[] = []
  const lines = entries.map(({ key, value, where }) => {
    const quoted = quotedIn(value)
    const isKnown = isSecret(key) || looksSecret.test(key) || quoted.length > 0
    if (isKnown && !isReference.test(value)) {
      secrets.push(value, ...quoted)
      return `${key} = ${redacted}`
    }
    const shown = withoutUrlSecrets(value)
    if (shown !== value) secrets.push(...urlSecretsIn(value))
    return `${key} = ${shown}${where === '-X' ? '   # -X' : ''}`
  })
  return { text: `${lines.join('\n')}\n`, secrets }
}

/** The secrets that the configuration in use has, wherever it has them from. */
export function secretsOf (config: Config): readonly string[] {
  const ofClients = config.flows.flatMap(({ source, target }) => [source, target])
    .flatMap(({ client }) => Object.entries(client))
    .flatMap(([name, value]) => isSecret(name) || looksSecret.test(name) ? [String(value)] : [])
  return [config.process['api.token'], ...ofClients]
}

export function withoutSecrets (text: string, secrets: readonly string[]): string {
  // The longest first: a secret may contain another one.
  return [...new Set(secrets)]
    .filter(each => each.length >= secretLengthMin && !isPlain.test(each))
    .sort((one, other) => other.length - one.length)
    .reduce((left, secret) => left.replaceAll(secret, redacted), withoutUrlSecrets(text))
}

/** The values of JAAS options. */
function quotedIn (value: string): readonly string[] {
  return [...value.matchAll(/(?:pass\w*|\w*secret)\s*=\s*["']([^"']+)["']/gi)]
    .map(([, secret = '']) => secret)
}

const userInUrl = /(\w:\/\/)[^/\s@"]+@/g
const queryInUrl = /(\w:\/\/[^\s?"]+\?)[^\s"]+/g

function withoutUrlSecrets (text: string): string {
  return text.replace(userInUrl, `$1${redacted}@`).replace(queryInUrl, `$1${redacted}`)
}

function urlSecretsIn (value: string): readonly string[] {
  const url = URL.canParse(value) ? new URL(value) : undefined
  return url === undefined ? [] : [url.password, ...url.searchParams.values()]
}
