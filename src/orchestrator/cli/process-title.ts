// The title of the process in the process list, if its command line contains secrets.
import { isSecret, redacted } from '../config/secret-properties.ts'

/** Undefined: no argument contains a secret, and the process list may show the arguments. */
export function titleWithoutSecrets (argv: readonly string[]): string | undefined {
  const shown = argv.map(argument => argument.replace(/^(-X)?([^=]+)=.*$/s, (whole, x, name) =>
    isSecret(String(name).trim()) ? `${String(x ?? '')}${String(name)}=${redacted}` : whole))
  return shown.some((argument, at) => argument !== argv[at]) ? shown.join(' ') : undefined
}
