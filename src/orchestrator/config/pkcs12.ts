// Reads PKCS#12 stores with the ciphers of Java 8 and OpenSSL 1, which OpenSSL 3 refuses, and
// stores whose certificates have no names, which jks-js cannot read: with the library that jks-js
// uses.
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { createRequire } from 'node:module'

export interface Pkcs12Store {
  /** In PEM. */
  readonly key?: string | undefined
  /** In PEM; with a key: its certificate first, and then those that issued it. */
  readonly certificates: readonly string[]
}

/** Throws the library's error: a wrong password, or no such store. */
export function readPkcs12 (store: Buffer, password: string): Pkcs12Store {
  const forge = loadForge()
  const toDer = (asn1: object): Buffer =>
    Buffer.from(forge.asn1.toDer(asn1).getBytes(), 'binary')
  const { safeContents } = forge.pkcs12.pkcs12FromAsn1(
    forge.asn1.fromDer(store.toString('binary')), password)
  const bags = safeContents.flatMap(({ safeBags }) => safeBags)
  const certificates = bags.filter(({ type }) => type === forge.pki.oids.certBag)
    .map(({ asn1, cert }) =>
      new X509Certificate(toDer(cert ? forge.pki.certificateToAsn1(cert) : asn1)))
  const [key] = bags.filter(({ type }) => type !== forge.pki.oids.certBag)
    .map(({ asn1, key }) => toDer(key
      ? forge.pki.wrapRsaPrivateKey(forge.pki.privateKeyToAsn1(key))
      : asn1))
    .map(der => createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }))
  if (key === undefined) return { certificates: certificates.map(String) }
  const own = certificates.find(each => each.checkPrivateKey(key)) ?? certificates[0]
  return {
    key: key.export({ format: 'pem', type: 'pkcs8' }).toString(),
    certificates: own === undefined ? [] : chainOf(own, certificates).map(String)
  }
}

function chainOf (
  own: X509Certificate, all: readonly X509Certificate[]
): readonly X509Certificate[] {
  const chain = [own]
  for (let last: X509Certificate | undefined = own; last !== undefined;) {
    const issued: X509Certificate = last
    last = all.find(each => !chain.includes(each) && issued.checkIssued(each))
    if (last !== undefined) chain.push(last)
  }
  return chain
}

function loadForge (): Forge {
  const load = createRequire(import.meta.url)
  return createRequire(load.resolve('jks-js'))('node-forge') as Forge
}

/** The part of node-forge that is used here. `key` and `cert` are null if it is not RSA. */
interface Forge {
  readonly asn1: {
    fromDer (der: string): object
    toDer (asn1: object): { getBytes (): string }
  }
  readonly pki: {
    readonly oids: { readonly certBag: string }
    certificateToAsn1 (certificate: object): object
    privateKeyToAsn1 (key: object): object
    wrapRsaPrivateKey (asn1: object): object
  }
  readonly pkcs12: {
    pkcs12FromAsn1 (asn1: object, password: string): {
      readonly safeContents: ReadonlyArray<{ readonly safeBags: readonly Bag[] }>
    }
  }
}

interface Bag {
  readonly type: string
  readonly asn1: object
  readonly key?: object | null
  readonly cert?: object | null
}
