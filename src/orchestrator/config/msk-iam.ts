// Logins with AWS's IAM, configured as for aws-msk-iam-auth (AWS's library for Java clients): by
// its login module IAMLoginModule, or by its callback handler of OAUTHBEARER. MSK brokers accept a
// signed request by either mechanism; Longhaul uses OAUTHBEARER. cluster/msk-iam-token.ts signs.
import type { JaasConfig } from './jaas.ts'

export const mskIamMethod = 'aws-msk-iam'

/** The handler of OAUTHBEARER that signs with IAM. */
export const mskIamHandler = /\.IAMOAuthBearerLoginCallbackHandler$/

const properties: Readonly<Record<string, string>> = {
  awsProfileName: 'sasl.oauthbearer.aws.profile',
  awsRoleArn: 'sasl.oauthbearer.aws.role.arn',
  awsRoleSessionName: 'sasl.oauthbearer.aws.role.session.name',
  awsRoleExternalId: 'sasl.oauthbearer.aws.role.external.id',
  awsStsRegion: 'sasl.oauthbearer.aws.sts.region'
}

/** Options for the Java library's own retries and logs: they do not change the login. */
const withoutEffect = ['awsDebugCreds', 'awsMaxRetries', 'awsMaxBackOffTimeMs']

export type MskIamLogin =
  | { readonly ok: true, readonly properties: Readonly<Record<string, string>> }
  | { readonly ok: false, readonly reason: string }

export function translateMskIam ({ options }: JaasConfig): MskIamLogin {
  const translated: Record<string, string> = {
    'sasl.mechanism': 'OAUTHBEARER', 'sasl.oauthbearer.method': mskIamMethod
  }
  for (const [option, value] of options) {
    const property = Object.hasOwn(properties, option) ? properties[option] : undefined
    if (property !== undefined) translated[property] = value
    else if (!withoutEffect.includes(option)) {
      return {
        ok: false,
        reason: `${option} is not supported; put the credentials into a profile and name it with ` +
          `awsProfileName. Supported are ${Object.keys(properties).join(', ')}`
      }
    }
  }
  return { ok: true, properties: translated }
}

/**
 * The region of the brokers: from a server's name, as `b-1.x.y.c2.kafka.eu-west-1.amazonaws.com`,
 * or else from the environment. Undefined: neither names a region.
 */
export function mskRegion (
  servers: string, environment: Readonly<Record<string, string | undefined>>
): string | undefined {
  const [, inName] = /\.kafka(?:-serverless)?\.([a-z]+(?:-[a-z]+)+-\d+)\.amazonaws\.com/
    .exec(servers) ?? []
  return inName ?? (environment['AWS_REGION'] || environment['AWS_DEFAULT_REGION'] || undefined)
}
