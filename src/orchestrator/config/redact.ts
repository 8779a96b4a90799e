// Secrets are never shown: not in a message, not in a log line, not by a command.

const redacted = '[redacted]'

const secretName =
  /password|passphrase|secret|credentials|jaas\.config|token$|key\.pem$|keystore\.key$|assertion/i

/** Whether a property's value must not be shown; asked of Java's and of librdkafka's names. */
export function isSecret (property: string): boolean {
  if (/token\.endpoint\.url$|\.(file|location|type|algorithm)$/.test(property)) return false
  return secretName.test(property) || /oauthbearer\.(config|extensions)$/.test(property)
}

export function redactValue (property: string, value: string): string {
  return isSecret(property) ? redacted : value
}
