// Generated from contract-table.ts and error-table.ts by render-fingerprint.ts. Do not edit.
#include "binding/fingerprint.h"

namespace longhaul {

const char* ContractFingerprint() { return "a96f3343ef28adf9"; }

}  // namespace longhaul
