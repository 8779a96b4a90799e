#include "core/assertion.h"

#include <cstdio>
#include <cstdlib>

namespace longhaul {

void FailAssertion(const std::string& what) {
  (void)std::fprintf(stderr, "longhaul: assertion failed in the data plane: %s\n", what.c_str());
  std::abort();
}

}  // namespace longhaul
