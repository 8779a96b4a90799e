// Generated from contract-table.ts and error-table.ts by render-fingerprint.ts. Do not edit.
#include "binding/fingerprint.h"

namespace longhaul {

const char* ContractFingerprint() { return "9e8c85ac9f428925"; }

}  // namespace longhaul
