// Generated from contract-table.ts and error-table.ts by render-fingerprint.ts. Do not edit.
export const contractFingerprint = '9e8c85ac9f428925'
