// Generated from contract-table.ts and error-table.ts by render-fingerprint.ts. Do not edit.
#include "binding/fingerprint.h"

namespace longhaul {

const char* ContractFingerprint() { return "f744868d945f5ec4"; }

}  // namespace longhaul
