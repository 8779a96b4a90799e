// Tells which contract tables the addon was compiled from. In a file of its own, so that a new
// fingerprint compiles one file anew.
#pragma once

namespace longhaul {

const char* ContractFingerprint();

}  // namespace longhaul
