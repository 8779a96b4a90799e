// Values from other places: `${file:path:key}`, `${directory:path:key}`, `${env:NAME}`, under the
// names that config.providers assigns to them, as in Kafka.
import { join } from 'node:path'
import { getProperties } from 'properties-file'
import { splitList } from './setting-kinds.ts'
import type { Findings } from './findings.ts'
import type { Entry } from './properties-text.ts'
import type { ReadFile } from './tls-stores.ts'

export interface ProviderContext {
  readonly findings: Findings
  readonly environment: Readonly<Record<string, string | undefined>>
  readFile: ReadFile
}

type Provider = (path: string, key: string, context: ProviderContext) => string | undefined

const byClass: Readonly<Record<string, Provider>> = {
  FileConfigProvider: (path, key, { readFile }) => {
    const values = getProperties(readFile(path))
    return Object.hasOwn(values, key) ? values[key] : undefined
  },
  DirectoryConfigProvider: (path, key, { readFile }) =>
    // A key is the name of a file in the directory, and must not lead out of it.
    /^(?!\.\.?$)[^/\\]+$/.test(key) ? readFile(join(path, key)).toString('utf8') : undefined,
  EnvVarConfigProvider: (_path, key, { environment }) => environment[key]
}

const byName: Readonly<Record<string, string>> = {
  file: 'FileConfigProvider', directory: 'DirectoryConfigProvider', env: 'EnvVarConfigProvider'
}

// Kafka's expression: `${name:key}` or `${name:path:key}`; the path may be empty.
const reference = /\$\{([^}]*?):(?:([^}]*?):)?([^}]*?)\}/g

export function resolveReferences (
  entries: readonly Entry[], context: ProviderContext
): readonly Entry[] {
  const providers = declaredProviders(entries, context.findings)
  return entries.map(entry => {
    const value = entry.value.replace(reference, (whole, name: string, path: string, key: string) =>
      resolve({ whole, name, path, key }, entry, providers, context))
    // A file with a secret ends with a line feed; Java's ConfigDef trims it.
    return { ...entry, value: value.trim() }
  })
}

function declaredProviders (
  entries: readonly Entry[], findings: Findings
): ReadonlyMap<string, Provider> {
  const values = new Map(entries.map(entry => [entry.key, entry] as const))
  const providers = new Map(Object.entries(byName).map(
    ([name, className]) => [name, byClass[className] as Provider] as const))
  for (const name of splitList(values.get('config.providers')?.value ?? '')) {
    const entry = values.get(`config.providers.${name}.class`)
    const className = entry?.value.split('.').at(-1) ?? byName[name] ?? ''
    const provider = Object.hasOwn(byClass, className) ? byClass[className] : undefined
    if (provider !== undefined) providers.set(name, provider)
    else {
      providers.delete(name)
      findings.warn(`config provider ${name}`, `config.providers: ${name} (${className}) is a ` +
        `Java class that cannot run here; known are ${Object.keys(byClass).join(', ')}`)
    }
  }
  return providers
}

interface Reference {
  readonly whole: string
  readonly name: string
  readonly path: string | undefined
  readonly key: string
}

function resolve (
  { whole, name, path = '', key }: Reference, entry: Entry,
  providers: ReadonlyMap<string, Provider>, context: ProviderContext
): string {
  const refuse = (reason: string) => {
    context.findings.refuseUnfilled(
      `${entry.key} (${entry.where}): ${whole} cannot be filled in: ${reason}`, entry.key)
    return whole
  }
  const provider = providers.get(name)
  if (provider === undefined) {
    return refuse(`there is no config provider ${name}, only ${[...providers.keys()].join(', ')}`)
  }
  try {
    return provider(path, key, context) ?? refuse(`there is no ${key} there`)
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error))
  }
}
