// Generated from contract-table.ts and error-table.ts by render-fingerprint.ts. Do not edit.
export const contractFingerprint = '759a24ac12885201'
