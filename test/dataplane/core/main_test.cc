// Entry of dataplane_test. Prints the seed of a failed run, with which it can be repeated.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cinttypes>
#include <cstdio>

#include "random.h"

int main(int argc, char** argv) {
  doctest::Context context(argc, argv);
  const int status = context.run();
  if (status != 0) {
    (void)std::fprintf(stderr, "repeat with LONGHAUL_TEST_SEED=%" PRIu64 "\n",
                       longhaul::test::RunSeed());
  }
  return status;
}
