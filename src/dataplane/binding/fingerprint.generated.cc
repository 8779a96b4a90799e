// Generated from contract-table.ts and error-table.ts by render-fingerprint.ts. Do not edit.
#include "binding/fingerprint.h"

namespace longhaul {

const char* ContractFingerprint() { return "51c0be2d7c4f9df7"; }

}  // namespace longhaul
