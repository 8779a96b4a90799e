// The check of a login at AWS MSK: the token is a signed request, which a broker checks by signing
// the request again with the same key.
import { createHash, createHmac } from 'node:crypto'

export const mskRegion = 'eu-central-1'
export const mskCredentials = {
  id: 'AKIDEXAMPLE', secret: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY'
}

/** Of AWS's default credentials, the places besides the variables: a test looks into none. */
export const withoutAws: Readonly<Record<string, string>> = {
  AWS_EC2_METADATA_DISABLED: 'true',
  AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
  AWS_CONFIG_FILE: '/dev/null'
}

export const mskKeys: Readonly<Record<string, string>> = {
  AWS_ACCESS_KEY_ID: mskCredentials.id, AWS_SECRET_ACCESS_KEY: mskCredentials.secret
}

/** Why a broker of MSK would refuse the token; undefined: it would accept it. */
export function refusalOfMskToken (token: string): string | undefined {
  const url = new URL(Buffer.from(token, 'base64url').toString('utf8'))
  const query = url.searchParams
  const [id, day = '', ...scope] = (query.get('X-Amz-Credential') ?? '').split('/')
  const date = query.get('X-Amz-Date') ?? ''
  if (url.host !== `kafka.${mskRegion}.amazonaws.com`) return `host ${url.host}`
  if (query.get('Action') !== 'kafka-cluster:Connect') return `action ${query.get('Action')}`
  if (id !== mskCredentials.id) return `access key ${id}`
  const service = scope.join('/')
  if (service !== `${mskRegion}/kafka-cluster/aws4_request`) return `scope ${service}`
  const lifeSeconds = Number(query.get('X-Amz-Expires'))
  if (!(lifeSeconds > 0 && lifeSeconds <= 900)) return `a life of ${lifeSeconds} s`
  const signedMs = Date.parse(date.replace(
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'))
  if (!(signedMs + lifeSeconds * 1000 > Date.now())) return `signed at ${date}, and expired`
  return query.get('X-Amz-Signature') === signatureOf(url, date, day) ? undefined : 'signature'
}

/** Signature version 4 of a request with the signature in its query, by AWS's documentation. */
function signatureOf (url: URL, date: string, day: string): string {
  const encode = (text: string): string => encodeURIComponent(text).replace(/[!'()*]/g,
    each => `%${each.charCodeAt(0).toString(16).toUpperCase()}`)
  const query = [...url.searchParams]
    .filter(([name]) => name !== 'X-Amz-Signature' && name !== 'User-Agent')
    .map(([name, value]) => `${encode(name)}=${encode(value)}`).sort().join('&')
  const emptyBody = createHash('sha256').digest('hex')
  const request = ['GET', '/', query, `host:${url.host}`, '', 'host', emptyBody].join('\n')
  const scope = `${day}/${mskRegion}/kafka-cluster/aws4_request`
  const text = ['AWS4-HMAC-SHA256', date, scope,
    createHash('sha256').update(request).digest('hex')].join('\n')
  const sign = (key: Buffer | string, part: string): Buffer =>
    createHmac('sha256', key).update(part).digest()
  const key = [day, mskRegion, 'kafka-cluster', 'aws4_request']
    .reduce<Buffer | string>(sign, `AWS4${mskCredentials.secret}`)
  return sign(key, text).toString('hex')
}
