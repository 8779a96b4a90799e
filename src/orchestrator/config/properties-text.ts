// Parses the text of a properties file to its entries, each with its line number. The syntax is
// Java's, read by the properties-file package.
import { PropertiesNodeType, Properties } from 'properties-file/parser'
import type { Findings } from './findings.ts'
import { redactValue } from './secret-properties.ts'

/** A property as the user wrote it, and the place. */
export interface Entry {
  readonly key: string
  readonly value: string
  /** `line 12`, `-X` or a flag's name. */
  readonly where: string
}

export function describeEntry (entry: Entry, name = entry.key): string {
  return `${entry.key}=${redactValue(name, entry.value)} (${entry.where})`
}

/**
 * Decodes a file as UTF-8, with or without a byte order mark; or as ISO 8859-1, as Java does, if
 * the file is not valid UTF-8.
 */
export function decodeFile (content: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(content)
  } catch {
    return new TextDecoder('latin1').decode(content)
  }
}

export function readEntries (text: string, findings: Findings): readonly Entry[] {
  const entries = new Map<string, Entry>()
  for (const node of new Properties(refuseEscapes(text, findings)).nodes) {
    if (node.type !== PropertiesNodeType.PROPERTY) continue
    // Java's reader keeps white space at the end of a value; its ConfigDef removes it.
    const entry = {
      key: node.key, value: node.value.trim(), where: `line ${node.startingLineNumber}`
    }
    const earlier = entries.get(node.key)
    if (earlier !== undefined) {
      findings.ignore(`twice ${node.key}`,
        `${node.key} is on ${earlier.where} and on ${entry.where}: the last one counts`,
        node.key)
    }
    entries.set(node.key, entry)
  }
  return [...entries.values()]
}

/** In a properties file a backslash and a line end have another meaning. */
export function escapeValue (value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replace(/^ /, '\\ ')
}

// A backslash that no other one escapes, and a `u` without its four hexadecimal digits.
const malformedEscape = /(?<!\\)((?:\\\\)*)\\u(?![\da-fA-F]{4})/g

/** The text without the escapes that Java refuses, so that the rest of the file can be read. */
function refuseEscapes (text: string, findings: Findings): string {
  return text.split('\n').map((line, index) => {
    const mended = line.replace(malformedEscape, '$1\\\\u')
    if (mended !== line && !/^\s*[#!]/.test(line)) {
      const [key = ''] = line.split(/[=:\s]/, 1)
      findings.refuse('CONFIG_INVALID', `${key} (line ${index + 1}): \\u must be followed by ` +
        'four hexadecimal digits; write a backslash as \\\\, or a path with /', key)
    }
    return mended
  }).join('\n')
}

/** Parses `property=value` of -X. */
export function readOverride (written: string, findings: Findings): Entry | undefined {
  const equals = written.indexOf('=')
  if (equals <= 0) {
    findings.refuse('CONFIG_INVALID', `-X ${written}: it is not property=value`)
    return undefined
  }
  return {
    key: written.slice(0, equals).trim(), value: written.slice(equals + 1).trim(), where: '-X'
  }
}
