// Generated from contract-table.ts and error-table.ts by render-fingerprint.ts. Do not edit.
export const contractFingerprint = '51c0be2d7c4f9df7'
