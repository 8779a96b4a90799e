// Generated from contract-table.ts and error-table.ts by render-fingerprint.ts. Do not edit.
export const contractFingerprint = '7ba7fa8c1aad86fe'
