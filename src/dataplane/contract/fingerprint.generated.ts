// Generated from contract-table.ts and error-table.ts by render-fingerprint.ts. Do not edit.
export const contractFingerprint = 'a96f3343ef28adf9'
