// What the list of processes shows of a command line that holds secrets.
import { isSecret, redacted } from '../config/secret-properties.ts'

/** Undefined: no argument holds a secret, and the list may show the arguments as they are. */
export function titleWithoutSecrets (argv: readonly string[]): string | undefined {
  const shown = argv.map(argument => argument.replace(/^(-X)?([^=]+)=.*$/s, (whole, x, name) =>
    isSecret(String(name).trim()) ? `${String(x ?? '')}${String(name)}=${redacted}` : whole))
  return shown.some((argument, at) => argument !== argv[at]) ? shown.join(' ') : undefined
}
