// One broker with a listener for each kind of login, and the lines of a MirrorMaker 2 file for
// each.
import { Certificates, storePassword } from '../kafka/certificates.ts'
import { startKafkaCluster, type KafkaCluster, type KafkaClusterOptions } from '../kafka/cluster.ts'
import type { MoreListener } from '../kafka/server-properties.ts'
import type { Properties } from './mirror-process.ts'

const security = 'org.apache.kafka.common.security'
export const password = 'mirror-secret'
/** No process listens on ports below those of services. */
export const lostPort = 1

const plainUsers = `${security}.plain.PlainLoginModule required ` +
  `user_mirror="${password}" user_reauth="${password}";`
const scramUsers = `${security}.scram.ScramLoginModule required;`
const unsecuredTokens = `${security}.oauthbearer.OAuthBearerLoginModule required;`

/** For logins of the user `mirror` by PLAIN. */
export const passwordListener: MoreListener = {
  name: 'PASSWORD',
  protocol: 'SASL_PLAINTEXT',
  config: { 'sasl.enabled.mechanisms': 'PLAIN', 'plain.sasl.jaas.config': plainUsers }
}

export interface LoginCluster {
  readonly cluster: KafkaCluster
  readonly certificates: Certificates
  close (): Promise<void>
}

/** `moreListeners` are added to those of the logins here. */
export async function startLoginCluster (
  { moreListeners = [], ...options }: KafkaClusterOptions = {}
): Promise<LoginCluster> {
  const certificates = await Certificates.create()
  try {
    const cluster = await startKafkaCluster(undefined,
      { ...options, moreListeners: [...listeners(certificates), ...moreListeners] })
    // Kafka refuses two credentials of one user in one request.
    await Promise.all(['SCRAM-SHA-256', 'SCRAM-SHA-512'].map(async mechanism =>
      await cluster.runTool('kafka.admin.ConfigCommand', ['--alter', '--entity-type', 'users',
        '--entity-name', 'mirror', '--add-config', `${mechanism}=[password=${password}]`])))
    const close = async (): Promise<void> => {
      await cluster.close()
      certificates.remove()
    }
    return { cluster, certificates, close }
  } catch (thrown) {
    certificates.remove()
    throw thrown
  }
}

function listeners (certificates: Certificates): readonly MoreListener[] {
  const tls = certificates.keyStore('broker')
  return [
    { name: 'TLS', protocol: 'SSL', config: tls },
    { name: 'MUTUAL', protocol: 'SSL', config: { ...tls, ...certificates.clientAuthentication } },
    // The client reaches the listener, whose advertised address leads nowhere.
    { name: 'LOST', protocol: 'PLAINTEXT', advertisedPort: lostPort },
    { name: 'STRANGER', protocol: 'SSL', config: certificates.keyStore('stranger') },
    { name: 'EXPIRED', protocol: 'SSL', config: certificates.keyStore('expired') },
    passwordListener,
    {
      name: 'SCRAM',
      protocol: 'SASL_SSL',
      config: {
        ...tls,
        'sasl.enabled.mechanisms': 'SCRAM-SHA-256,SCRAM-SHA-512',
        'scram-sha-256.sasl.jaas.config': scramUsers,
        'scram-sha-512.sasl.jaas.config': scramUsers
      }
    },
    {
      name: 'UNSECURED',
      protocol: 'SASL_PLAINTEXT',
      config: {
        'sasl.enabled.mechanisms': 'OAUTHBEARER', 'oauthbearer.sasl.jaas.config': unsecuredTokens
      }
    }
  ]
}

export interface Login {
  readonly listener: string
  readonly properties: Properties
}

export function tls (certificates: Certificates): Readonly<Record<string, Login>> {
  const trust = (file: string): Properties => ({
    'security.protocol': 'SSL', 'ssl.truststore.location': certificates.path(file)
  })
  const stored = (type: string, file: string): Properties => ({
    'security.protocol': 'SSL',
    'ssl.truststore.type': type,
    'ssl.truststore.location': certificates.path(`ca.${file}`),
    'ssl.truststore.password': storePassword,
    'ssl.keystore.type': type,
    'ssl.keystore.location': certificates.path(`mirror.${file}`),
    'ssl.keystore.password': storePassword,
    'ssl.key.password': storePassword
  })
  return {
    pem: { listener: 'TLS', properties: { 'ssl.truststore.type': 'PEM', ...trust('ca.pem') } },
    /** Trusts the authorities that the environment names. */
    public: { listener: 'TLS', properties: { 'security.protocol': 'SSL' } },
    jks: { listener: 'MUTUAL', properties: stored('JKS', 'jks') },
    pkcs12: { listener: 'MUTUAL', properties: stored('PKCS12', 'p12') },
    mutual: {
      listener: 'MUTUAL',
      properties: {
        ...trust('ca.pem'),
        'ssl.keystore.type': 'PEM',
        'ssl.keystore.location': certificates.path('mirror-encrypted.pem'),
        'ssl.key.password': storePassword
      }
    }
  }
}

/** Logs in with tokens of the server, which knows the client `mirror`. */
export function oidc (tokenUrl: string, secret = password): Login {
  return {
    listener: 'UNSECURED',
    properties: {
      'security.protocol': 'SASL_PLAINTEXT',
      'sasl.mechanism': 'OAUTHBEARER',
      'sasl.oauthbearer.token.endpoint.url': tokenUrl,
      'sasl.login.callback.handler.class':
        `${security}.oauthbearer.OAuthBearerLoginCallbackHandler`,
      'sasl.jaas.config': `${security}.oauthbearer.OAuthBearerLoginModule required ` +
        `clientId="mirror" clientSecret="${secret}" scope="kafka";`
    }
  }
}

export function sasl (certificates: Certificates): Readonly<Record<string, Login>> {
  const user = `required username="mirror" password="${password}";`
  const scram = (mechanism: string): Login => ({
    listener: 'SCRAM',
    properties: {
      'security.protocol': 'SASL_SSL',
      'ssl.truststore.location': certificates.path('ca.pem'),
      'sasl.mechanism': mechanism,
      'sasl.jaas.config': `${security}.scram.ScramLoginModule ${user}`
    }
  })
  return {
    plain: {
      listener: 'PASSWORD',
      properties: {
        'security.protocol': 'SASL_PLAINTEXT',
        'sasl.mechanism': 'PLAIN',
        'sasl.jaas.config': `${security}.plain.PlainLoginModule ${user}`
      }
    },
    scram256: scram('SCRAM-SHA-256'),
    scram512: scram('SCRAM-SHA-512'),
    unsecured: {
      listener: 'UNSECURED',
      properties: {
        'security.protocol': 'SASL_PLAINTEXT',
        'sasl.mechanism': 'OAUTHBEARER',
        'sasl.jaas.config': `${security}.oauthbearer.OAuthBearerLoginModule required ` +
          'unsecuredLoginStringClaim_sub="mirror";'
      }
    }
  }
}

/** The lines of one cluster; `alias` is any of its aliases. */
export function clusterProperties (
  alias: string, { listener, properties }: Login, cluster: KafkaCluster, host?: string
): Properties {
  const lines = { 'bootstrap.servers': cluster.serversOf(listener, host), ...properties }
  return Object.fromEntries(Object.entries(lines).map(([name, value]) =>
    [`${alias}.${name}`, value]))
}
