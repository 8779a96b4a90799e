// Generated from contract-table.ts and error-table.ts by render-fingerprint.ts. Do not edit.
#include "binding/fingerprint.h"

namespace longhaul {

const char* ContractFingerprint() { return "7ba7fa8c1aad86fe"; }

}  // namespace longhaul
