// One token for brokers of AWS MSK: a request to connect, signed with IAM credentials from AWS's
// usual sources (environment, profiles, roles of containers and machines). AWS's packages find the
// credentials and sign the request.
import type * as credentialProviders from '@aws-sdk/credential-providers'
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { ClientProperties } from '../config/client-properties.ts'
import { unlessAborted, withinMs } from '../time/deadline.ts'
import type { Token } from './token-source.ts'

type Providers = typeof credentialProviders
type Provider = ReturnType<Providers['fromNodeProviderChain']>

const answerMsMax = 10_000
const sessionName = 'longhaul'

/** Rejects with TOKEN_UNAVAILABLE, which names the profile or the role and AWS's reason. */
export async function fetchMskIamToken (
  properties: ClientProperties, signal: AbortSignal
): Promise<Token> {
  // Imported here: the packages need 0.1 s and some 10 MB, and only users of MSK need them.
  const [providers, signer] = await Promise.all([
    import('@aws-sdk/credential-providers'), import('aws-msk-iam-sasl-signer-js')
  ])
  const region = properties['sasl.oauthbearer.aws.region'] ?? ''
  try {
    const signed = signer.generateAuthTokenFromCredentialsProvider({
      region, awsCredentialsProvider: credentialsOf(properties, region, providers)
    })
    // AWS's packages cannot be cancelled: a result that arrives later is dropped.
    const { expiryTime, token } = await withinMs(answerMsMax, signal,
      async bound => await unlessAborted(bound, signed))
    return { value: token, expiresMs: expiryTime }
  } catch (thrown) {
    throw new ReplicatorError('TOKEN_UNAVAILABLE', `AWS IAM, ${identityOf(properties)}: ` +
      reasonOf(thrown), { cause: thrown, setting: 'sasl.mechanism' })
  }
}

function credentialsOf (
  properties: ClientProperties, region: string, providers: Providers
): Provider {
  const profile = properties['sasl.oauthbearer.aws.profile']
  const arn = properties['sasl.oauthbearer.aws.role.arn']
  const externalId = properties['sasl.oauthbearer.aws.role.external.id']
  const own = profile === undefined
    ? providers.fromNodeProviderChain({ clientConfig: { region } })
    : providers.fromIni({ profile })
  if (arn === undefined) return own
  return providers.fromTemporaryCredentials({
    masterCredentials: own,
    params: {
      RoleArn: arn,
      RoleSessionName: properties['sasl.oauthbearer.aws.role.session.name'] ?? sessionName,
      ...externalId !== undefined && { ExternalId: externalId }
    },
    clientConfig: { region: properties['sasl.oauthbearer.aws.sts.region'] ?? region }
  })
}

function identityOf (properties: ClientProperties): string {
  const profile = properties['sasl.oauthbearer.aws.profile']
  const arn = properties['sasl.oauthbearer.aws.role.arn']
  const named = [
    ...profile === undefined ? [] : [`profile ${profile}`],
    ...arn === undefined ? [] : [`role ${arn}`]
  ]
  return named.length === 0 ? "AWS's default credentials" : named.join(', ')
}

function reasonOf (thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown)
  return thrown.name === 'TimeoutError'
    ? `no credentials within ${answerMsMax / 1000} s`
    : thrown.message
}
